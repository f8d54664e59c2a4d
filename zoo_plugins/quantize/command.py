"""`zoo quantize`: smaller files of an export, published only when they have passed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo_core.commands import check_picture, complete_exports, json_option, note, print_json, say, usual_folder

from .options import quantize_options

EXAMPLES = """
\b
Examples:
  zoo quantize lenet5-digits                     exported/lenet5-digits-fp16, -int8-dynamic and -int8
  zoo quantize lenet5-digits --only int8-static --max-drop 0.01 --picture trade-off.png
  zoo quantize mine --dataset image-folder -d root=pictures
  zoo quantize mine --only fp16 --to smaller/    smaller/mine-fp16, an export as any other: zoo eval smaller/mine-fp16
"""


@click.command("quantize", epilog=EXAMPLES)
@click.argument("export", metavar="EXPORT", shell_complete=complete_exports)
@quantize_options
@json_option
def command(
    export: str, kinds: tuple[str, ...], to: Path | None, picture: Path | None, as_json: bool, **asked: Any
) -> None:
    """Make an export smaller, and publish only what is still as good.

    \b
    fp16          weights in half precision, computed with in float32: NAME-fp16
    int8-dynamic  weights in int8, ranges found anew for each row: NAME-int8-dynamic
    int8-static   whole numbers all the way (QDQ, per channel), ranges found once with training samples: NAME-int8

    Each is measured on the whole validation part: the task's metric, flipped decisions, size, and its time here beside
    the float file's. Where more is lost than `--max-drop`, the nodes that cost most become float again, as few as
    possible. What passes is an export of its own: its self-test is what its own graph gives in float64, held against
    onnxruntime at every level of optimisation by `zoo verify`. Weights use 7 bits, which no processor overflows.

    What does not pass is not published, and the reason is told. Exit code 0 when something was published, 1 when
    nothing was. Needs the onnx package: the extra `quantize`.
    """
    from .picture import draw_quantization
    from .quantize import quantize
    from .tables import lines_of, next_after

    if picture is not None:
        check_picture(picture, asked_by="zoo quantize --picture")
    found = quantize(export, kinds, to=usual_folder("export") if to is None else to, progress=note, **asked)
    if picture is not None:
        draw_quantization(found, picture)
    if as_json:
        print_json({**found.to_json(), "picture": None if picture is None else str(picture)})
    else:
        say(*lines_of(found))
        say("", *([f"Picture: {picture}"] if picture is not None else []), f"Next: {next_after(found)}")
    if not found.published:
        raise click.exceptions.Exit(1)
