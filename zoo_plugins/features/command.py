"""`zoo features`."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from zoo_core.commands import (
    FilePath,
    complete_datasets,
    complete_models_and_runs,
    data_options,
    json_option,
    model_options,
    note,
    print_json,
    say,
    typed,
)

if TYPE_CHECKING:
    from .extraction import Features

EXAMPLES = """
\b
Examples:
  zoo features lenet5-digits --layer fc2 --out train.npz      a run, on its own dataset
  zoo features lenet5-digits --layer fc2 --split test --out test.npz
  zoo features torchvision/resnet18 --weights DEFAULT --layer avgpool --pool --dataset digits --out f.npz
  zoo features lenet5 --dataset digits                        names the layers
"""


@click.command("features", epilog=EXAMPLES)
@click.argument("source", metavar="MODEL|RUN", shell_complete=complete_models_and_runs)
@click.option("--layer", metavar="L", help="Path of a part of the model, such as layer4.1.conv2.")
@click.option("--dataset", metavar="D", shell_complete=complete_datasets, help="Default: the run's own.")
@click.option("--out", type=FilePath(), default="features.npz", show_default=True, metavar="FILE")
@click.option("--split", metavar="S", help="train (default), validation or test.")
@click.option(
    "--weights",
    metavar="NAME|FILE",
    help="Weights for a MODEL: published, or a file (.safetensors, .pth). Default: fresh random ones.",
)
@click.option("--pool", is_flag=True, help="Average maps (N, C, H, W) over all places, to (N, C).")
@model_options
@data_options
@click.option("--download", is_flag=True, help="Fetch the dataset if it is not on the disk.")
@json_option
def command(source: str, as_json: bool, **asked: Any) -> None:
    """Write what a layer gives for every sample of a split: float32, one row for each, in the order of the split.

    FILE.npz holds `features`, `targets` and `classes`, and `zoo train mlp --dataset features-file` learns from it;
    FILE.npy holds the features alone. The file appears when it is complete. Pictures are prepared by the recipe of the
    run or of the weights. `zoo export --layer` exports the same extractor.
    """
    from zoo_core import open_zoo

    from .extraction import write_features

    found = write_features(open_zoo(), source=source, **asked)
    if found.untrained:
        note(f"untrained: the weights of {source} are fresh, seeded with 0; choose others with --weights")
    if as_json:
        print_json(found.to_json())
        return
    say(f"{found.file}: {found.layer} of {source} on {found.dataset}, split {found.split}: {found.shape}")
    say(f"Next: {_next(found, source)}")


def _next(found: Features, source: str) -> str:
    """What can be done with the file: a classifier learns from train, and the other splits lie beside it."""
    from .extraction import DEFAULT_SPLIT

    if not found.labelled:
        return typed("export", source, "--layer", found.layer)
    train = found.file.with_name("train.npz")
    if found.split != DEFAULT_SPLIT and not train.exists():
        return f"the same with --split {DEFAULT_SPLIT} --out {shlex.quote(str(train))}"
    root = found.file if found.split == DEFAULT_SPLIT else found.file.parent
    return typed("train", "mlp", "--dataset", "features-file", "-d", f"root={root}")
