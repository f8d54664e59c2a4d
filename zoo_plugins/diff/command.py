"""`zoo diff`: what two exports have in common, and what not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo_core.commands import (
    FilePath,
    check_picture,
    complete_exports,
    isolation_options,
    json_option,
    note,
    print_json,
    say,
)

EXAMPLES = """
\b
Examples:
  zoo diff lenet5-digits lenet5-digits-2      two exports in exported/
  zoo diff before.onnx after.onnx             bare files, also of other tools
  zoo diff lenet5-digits new/ --picture diff.png
  zoo diff old.onnx new.onnx --json > diff.json && echo one can stand for the other
"""


@click.command("diff", epilog=EXAMPLES)
@click.argument("a", metavar="A", shell_complete=complete_exports)
@click.argument("b", metavar="B", shell_complete=complete_exports)
@click.option("--all", "everything", is_flag=True, help="Every row of every table, and not the first few.")
@click.option("--picture", metavar="FILE.png", type=FilePath(), help="Draw how far weights and answers are apart.")
@isolation_options
@json_option
def command(a: str, b: str, everything: bool, picture: Path | None, isolated: Any, as_json: bool) -> None:
    """Compare two exports: by name, as folders, or as bare .onnx files. PyTorch is not needed.

    \b
    equal, byte for byte       nothing else is looked at
    equal but for words        name, run, versions, metrics, license, other names inside the file, ...
    same graph and weights,    labels, preprocessing, recipes, task, thresholds, inputs
    another meaning            or outputs differ
    same graph, other weights  which tensors, and how far they have moved
    different graph            nodes that only one has, attributes, what is joined to what, the opset

    Graphs are compared by what they do: how values are called, and in which order nodes are listed, is no difference.
    "moved" is the length of B - A as a part of the length of A. Both files are run on the inputs of A's self-test, and
    of B's where these are others; differences of answers stand beside what A's own check allows A, and are told, but
    do not decide. The other files of two folders (README.md, report.json, ...) are told when they differ, and do not
    count either.

    Exit code 0 when both are equal, or equal but for words; 1 when they differ, and then the result is on stdout; 1
    without one when a file cannot be read; 4 when a file is refused.
    """
    from .comparison import compare
    from .picture import draw_comparison
    from .sides import open_side
    from .tables import lines_of, next_after

    if picture is not None:
        check_picture(picture, asked_by="zoo diff --picture")
    found = compare(open_side(a), open_side(b), isolated=isolated)
    drawn = None if picture is None or found.graph is None else draw_comparison(found, picture)
    if as_json:
        print_json({**found.to_json(), "picture": None if drawn is None else str(drawn)})
    else:
        say(*lines_of(found, everything=everything))
    if picture is not None and drawn is None:
        note("Nothing was drawn: the files are equal, byte for byte.")
    if not as_json:
        say("", *([f"Picture: {drawn}"] if drawn is not None else []), f"Next: {next_after(found, drawn is not None)}")
    if not found.is_equal:
        raise click.exceptions.Exit(1)
