"""`zoo bench`: how fast models answer here, in every engine that can run them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo_core.commands import (
    check_picture,
    complete_runs_and_exports,
    isolation_options,
    json_option,
    note,
    print_json,
    say,
)

from .options import bench_options

EXAMPLES = """
\b
Examples:
  zoo bench lenet5-digits                              a run: PyTorch
  zoo bench export:lenet5-digits                       its export: onnxruntime at each level, PyTorch beside it
  zoo bench export:lenet5-digits --batch 1 --batch 64 --threads 1 --threads 2
  zoo bench old/model.onnx new/model.onnx --engine onnxruntime --picture bench.png
  zoo bench export:lenet5-digits --tune --batch 1      what zoo predict and open_model use from then on
  zoo bench export:lenet5-digits --engine onnxruntime --save
  zoo bench torchvision/resnet18 --size H=224 --size W=224 --batch 1
"""


@click.command("bench", epilog=EXAMPLES)
@click.argument(
    "sources", metavar="MODEL|RUN|EXPORT...", nargs=-1, required=True, shell_complete=complete_runs_and_exports
)
@bench_options
@isolation_options
@json_option
def command(sources: tuple[str, ...], as_json: bool, picture: Path | None, save: bool, **asked: Any) -> None:
    """Measure how fast models answer on this machine, and how much memory they take.

    All engines are loaded first, each in a process of its own, and then answer in short turns, one after the other:
    what else the machine does, it does to all. Every answer is compared: those of an export with its own file, not
    optimised and on one thread, within the bound of its check; those of a model with its first ones in PyTorch. An
    engine that answers wrongly has no speed.

    Inputs are those of the file's self-test, or drawn within the ranges that the model declares. * marks the quickest.

    --tune tries onnxruntime's levels, threads, and whether idle threads spin; the best is measured once more beside the
    usual settings, and where it is quicker, kept in the user's state folder for this very file, this kind of machine
    and this onnxruntime. open_model, and with it every command, then takes these settings where none are asked for.

    --save keeps the numbers of one export beside it, with the sha256 of its file, unless an engine answers wrongly.

    Exit code 0 when all engines answer rightly, 1 when one does not: the table says which.
    """
    from zoo_core import open_zoo

    from .bench import run_bench
    from .picture import draw_rows
    from .tables import failures, lines_of, next_after, tuned_line

    if picture is not None:
        check_picture(picture, asked_by="zoo bench --picture")
    found = run_bench(open_zoo(), sources, progress=note, saving=save, **asked)
    drawn = None if picture is None else draw_rows(found.rows, picture, machine=found.machine)
    files = {"picture": drawn, "saved": found.saved}
    if as_json:
        print_json({**found.to_json(), **{name: None if file is None else str(file) for name, file in files.items()}})
    else:
        say(*([tuned_line(found.tuned), ""] if found.tuned is not None else []))
        say(*lines_of(found.rows, found.subjects, machine=found.machine, reasons=found.tuned is None))
        say("", *(f"{name.capitalize()}: {file}" for name, file in files.items() if file is not None))
        say(f"Next: {next_after(found.subjects, found.rows)}")
    if bad := failures(found.rows):
        note(bad)
        raise click.exceptions.Exit(1)
