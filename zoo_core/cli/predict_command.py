"""`zoo predict`."""

from __future__ import annotations

from pathlib import Path

import click

from .common import json_option, print_json, say
from .completion import complete_exports

EXAMPLES = """
\b
Examples:
  zoo predict lenet5-digits seven.png
  zoo predict exported/lenet5-digits pictures/ --json
  zoo predict model.onnx a.png b.jpg
"""


@click.command("predict", epilog=EXAMPLES)
@click.argument("source", metavar="EXPORT", shell_complete=complete_exports)
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", metavar="PATH", type=click.Path(path_type=Path), help="Where masks and arrays are written.")
@json_option
def command(source: str, inputs: tuple[Path, ...], out: Path | None, as_json: bool) -> None:
    """Predict pictures (PNG, JPEG, WEBP, BMP), or folders of them, with an export. PyTorch is not needed.

    `--json` prints the probabilities of all classes.
    """
    from zoo_core.shelf import find_export
    from zoo_core.workflows.predict import predict

    from .tables import table

    answers = predict(find_export(source), inputs=inputs, out=out)
    if as_json:
        print_json(answers)
        return
    rows = [(answer["input"], answer["label"], f"{answer['probability']:.4f}") for answer in answers]
    for line in table(("INPUT", "LABEL", "PROBABILITY"), rows, width=None):
        say(line)
    say(f"\nNext: zoo verify {source}")
