"""`zoo quickstart`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zoo_core.commands.common import json_option, note, print_json, say, seed_option

if TYPE_CHECKING:
    from zoo_core.workflows.quickstart import QuickstartResult

EXAMPLES = """
\b
Examples:
  zoo quickstart               about half a minute on two cores; needs no network
  zoo quickstart --json
  zoo quickstart --epochs 3    faster, and worse
"""

STEPS = {
    "train": "1/4  Train LeNet-5 on 1,257 real handwritten digits",
    "export": "2/4  Export it to ONNX and prove the file equal to the PyTorch model",
    "verify": "3/4  Check the file again, in a process that cannot import PyTorch",
    "predict": "4/4  Read sample pictures with it, without PyTorch",
}


@click.command("quickstart", epilog=EXAMPLES)
@click.option("--epochs", type=click.IntRange(min=1), help="Default: the trainer's own.")
@seed_option
@json_option
def command(epochs: int | None, seed: int | None, as_json: bool) -> None:
    """Train, export, verify and predict on embedded data.

    The run and the export are called `quickstart`; an earlier quickstart is replaced.
    """
    from zoo_core.registry import open_zoo
    from zoo_core.workflows.exports.export_source import need_export_extra

    need_export_extra()
    from zoo_core.workflows.quickstart import quickstart

    from .progress import TrainProgress

    with TrainProgress() as progress:

        def on_step(step: str) -> None:
            progress.close()
            note("", f"{STEPS[step]}")

        result = quickstart(open_zoo(), progress.callbacks(), on_step=on_step, epochs=epochs, seed=seed or 0)
    if as_json:
        print_json(result.to_json())
    else:
        _show(result)


def _show(result: QuickstartResult) -> None:
    from zoo_core.discovery.entry_points import has_verb
    from zoo_core.workflows.quickstart import sample_name

    say("", f"Test accuracy {result.train['test']['accuracy']:.4f} on held-out digits")
    error = result.export["outputs"][0]
    say(f"Export {result.export['outcome']}: error {error['error']:.2g}, {error['bound']:.2g} allowed")
    say(f"Checked again without PyTorch: {result.verify['outcome']}")
    for prediction in result.predictions:
        say(f"  {sample_name(prediction['input'])}  ->  {prediction['label']}  ({prediction['probability']:.1%})")
    say("", "Next:")
    if has_verb("view"):
        say("  zoo view quickstart                  look at the graph in the browser")
    if has_verb("plot"):
        say("  zoo plot quickstart                  draw its loss and accuracy")
    say("  zoo predict quickstart PICTURE...    read pictures of your own")
    say("  zoo list                             what else there is")
    say("  zoo train mlp --dataset digits       train another model")
