"""`zoo predict`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from zoo_core.commands.common import json_option, print_json, say, typed
from zoo_core.commands.completion import complete_exports

EXAMPLES = """
\b
Examples:
  zoo predict lenet5-digits seven.png
  zoo predict exported/lenet5-digits pictures/ --json
  zoo predict model.onnx a.png b.jpg
  zoo predict unet-pets cat.jpg --out masks       masks/cat.mask.png: each pixel is a class number
  zoo predict filter-sobel photo.jpg --out edges.png
  zoo predict unet1d-peaks wave.csv               wave.mask.csv, and a drawing: wave.mask.png
"""


@click.command("predict", epilog=EXAMPLES)
@click.argument("source", metavar="EXPORT", shell_complete=complete_exports)
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Where masks, pictures and arrays are written: a folder, or one file. Default: the current folder.",
)
@json_option
def command(source: str, inputs: tuple[Path, ...], out: Path | None, as_json: bool) -> None:
    """Predict files, or folders of them, with an export. PyTorch is not needed.

    Inputs are pictures (PNG, JPEG, WEBP, BMP); for a model of sequences, CSV or .npy files with a column for each
    channel. Classes are printed, and `--json` prints the probabilities of all of them. Everything else is written to
    files, which replace older ones of the same name; a name in .npy takes the numbers as they are.

    A mask is a PNG whose pixels are class numbers. It has the size of the picture, or what is left of it where the
    model cuts the edges off. What a filter gives becomes a PNG: values from 0 to 1 are a picture already, others are
    shown as |value| / largest. One channel is grey, three are RGB, other numbers lie side by side, each on a scale of
    its own.
    """
    from zoo_core.commands.tables import table
    from zoo_core.shelf import find_export
    from zoo_core.workflows.answers.predict import predict

    answers = predict(find_export(source), inputs=inputs, out=out)
    if as_json:
        print_json(answers)
        return
    header, rows = _columns(answers)
    for line in table(header, rows, width=None):
        say(line)
    say("", f"Next: {typed('verify', source)}")


def _columns(answers: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    rows: list[tuple[str, ...]]
    if "label" in answers[0]:
        rows = [(answer["input"], answer["label"], f"{answer['probability']:.4f}") for answer in answers]
        return ("INPUT", "LABEL", "PROBABILITY"), rows
    rows = [(answer["input"], " x ".join(map(str, answer["shape"])), _files(answer)) for answer in answers]
    return ("INPUT", "SHAPE", "FILE"), rows


def _files(answer: Mapping[str, Any]) -> str:
    return f"{answer['file']}, {answer['picture']}" if "picture" in answer else str(answer["file"])
