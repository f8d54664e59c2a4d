"""`zoo predict`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo_core.commands.common import JsonList, json_option, note, say, typed
from zoo_core.commands.completion import complete_exports
from zoo_core.errors import ZooError

if TYPE_CHECKING:
    from zoo_core.workflows.answers.predict import Predicting

EXAMPLES = """
\b
Examples:
  zoo predict lenet5-digits seven.png
  zoo predict exported/lenet5-digits pictures/ --json
  zoo predict model.onnx a.png b.jpg
  zoo predict lenet5-digits pictures/ --out results.csv     a row as soon as each is done
  zoo predict lenet5-digits 'pictures/**/*.png' --top 3     a pattern in quotes, the 3 likeliest classes
  find . -name '*.png' | zoo predict lenet5-digits -        one path on each line
  zoo predict unet-pets cat.jpg --out masks       masks/cat.mask.png: each pixel is a class number
  zoo predict filter-sobel photo.jpg --out edges.png
  zoo predict unet1d-peaks wave.csv               wave.mask.csv, and a drawing: wave.mask.png
  zoo predict iris-mlp flowers.csv                each row of the table is a sample: flowers.csv[0], ...
"""

_WIDEST = 120


@click.command("predict", epilog=EXAMPLES)
@click.argument("source", metavar="EXPORT", shell_complete=complete_exports)
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--out",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Where masks, pictures and arrays are written: a folder, or one file. Default: the current folder. "
    "Or RESULTS.csv or RESULTS.jsonl: a row for each input, written as they come.",
)
@click.option("--top", metavar="K", type=click.IntRange(min=1), help="The K most probable classes.")
@json_option
def command(source: str, inputs: tuple[Path, ...], out: Path | None, top: int | None, as_json: bool) -> None:
    """Predict files, or folders of them, with an export. PyTorch is not needed.

    Inputs are files; folders, with all that is below them; patterns in quotes; and - for paths on standard input.
    Where the model takes pictures, they are PNG, JPEG, WEBP and BMP. Else they are CSV or .npy files: of the input's
    own shape, they are one sample; with an axis more, a sample a row. For an input of one axis each row of a table is a
    sample; for a sequence, the table has a column for each channel. A first line of names is left out, and told of.

    Classes are printed, and `--json` prints the probabilities of all of them. Everything else is written to files,
    which replace older ones of the same name; a name in .npy takes the numbers as they are.

    An input that cannot be predicted has a row with an error, and the others go on; exit code 1 then. An export that
    cannot be used is refused before any input is read.

    A mask is a PNG whose pixels are class numbers. It has the size of the picture, or what is left of it where the
    model cuts the edges off. What a filter gives becomes a PNG: values from 0 to 1 are a picture already, others are
    shown as |value| / largest. One channel is grey, three are RGB, other numbers lie side by side, each on a scale of
    its own.
    """
    from zoo_core.cli.predict_progress import PredictProgress
    from zoo_core.runtime.reading.beside import report_of_another
    from zoo_core.shelf import find_export
    from zoo_core.workflows.answers.predict import plan_predictions

    export = find_export(source)
    planned = plan_predictions(export, inputs=inputs, out=out, top=top, listed=_lines())
    if (remark := report_of_another(planned.model.path)) is not None:
        note(f"Warning: {remark}")
    failed = total = 0
    shown = planned.results is not None or not sys.stdout.isatty()
    with PredictProgress(len(planned.found), shown=shown) as bar, _printed(planned, as_json=as_json) as show:
        for row in planned.rows(on_done=bar.done, on_note=note):
            show(row)
            total, failed = total + 1, failed + ("error" in row)
    if not as_json:
        if planned.results is not None:
            say(f"{total - failed:,} of {total:,} predicted: {planned.results}")
        say(f"\nNext: {typed('verify', source)}")
    if failed:
        raise ZooError(
            f"{failed:,} of {total:,} inputs could not be predicted",
            hint="each of them has an error in its row; mend or leave out those files, and the rest stays as it is",
        )


def _lines() -> Iterator[bytes]:
    """The lines of standard input, which is only read where they are asked for."""
    if sys.stdin is not None:  # it may be closed
        yield from sys.stdin.buffer


@contextlib.contextmanager
def _printed(planned: Predicting, *, as_json: bool) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """What prints a row: as JSON, or as lines of a table; nothing for people where the rows are in a file."""
    if as_json:
        with JsonList() as rows:
            yield rows.add
        return
    if planned.results is not None:
        yield lambda row: None
        return
    from zoo_core.commands.tables import GrowingTable

    labels = planned.task.gives == "labels"
    first = max(len(each.shown) for each in planned.found)
    second = max(map(len, planned.model.labels), default=0) if labels else 0
    header = ("INPUT", "LABEL", "PROBABILITY") if labels else ("INPUT", "SHAPE       ", "FILE")
    table = GrowingTable(header, widths=(min(first, _WIDEST), min(second, _WIDEST)))
    begun = False

    def show(row: Mapping[str, Any]) -> None:
        nonlocal begun
        if not begun:
            say(table.header)
            begun = True
        for cells in _cells(row, labels=labels, top=planned.top):
            say(table.line(cells))

    yield show


def _cells(row: Mapping[str, Any], *, labels: bool, top: int | None) -> list[tuple[str, str, str]]:
    if "error" in row:
        return [(row["input"], "-", f"error: {row['error']}")]
    if not labels:
        files = f"{row['file']}, {row['picture']}" if "picture" in row else str(row["file"])
        return [(row["input"], " x ".join(map(str, row["shape"])), files)]
    if top is None:
        return [(row["input"], row["label"], f"{row['probability']:.4f}")]
    return [(row["input"], label, f"{probability:.4f}") for label, probability in row["probabilities"].items()]
