"""`zoo plot`: pictures of a run, an export or a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo_core.commands import (
    complete_datasets,
    complete_plotted,
    data_options,
    data_words,
    export_of,
    json_option,
    print_json,
    say,
    typed,
)

EXAMPLES = """
\b
Examples:
  zoo plot lenet5-digits                              loss and accuracy of every epoch
  zoo plot digits                                     a grid of its samples
  zoo plot digits --what augmented --augment crop     what training sees of some of them, epoch by epoch
  zoo plot export:lenet5-digits                       the confusion matrix, without PyTorch
  zoo plot lenet5-digits --what errors --split validation
  zoo plot model.onnx --what activations --input seven.png --layer conv2 --out maps.png
"""


@click.command("plot", epilog=EXAMPLES)
@click.argument("source", metavar="RUN|EXPORT|DATASET", shell_complete=complete_plotted)
@click.option("--what", metavar="KIND", help="Which picture, see above.")
@click.option("--dataset", metavar="D", shell_complete=complete_datasets, help="Default: the one it was trained on.")
@data_options
@click.option("--split", metavar="S", help="Default: train for samples; else test, or validation without a test.")
@click.option("--download", is_flag=True, help="Fetch the dataset if it is not on the disk.")
@click.option("--input", metavar="FILE", type=click.Path(path_type=Path), help="A picture or sequence: activations.")
@click.option("--layer", metavar="L", help="Module path: filters, activations. Default: the first convolution.")
@click.option("--augment", metavar="NAMES", help="augmented: as for `zoo train -t augment=`. Default: usual.")
@click.option("--out", metavar="PATH", type=click.Path(path_type=Path), help="A PNG file, or a folder.")
@json_option
def command(source: str, out: Path | None, as_json: bool, **wanted: Any) -> None:
    """Draw a run, an export or a dataset as PNG.

    \b
    KIND         shows
    curves       loss and metric of every epoch, the best one marked (of a RUN)
    samples      samples of a dataset, as many of each class, with masks
    augmented    what augmentation makes of samples in each epoch (of a DATASET)
    confusion    true class against decision: samples, or places of masks
    filters      the kernels of the first convolution
    activations  what a layer makes of --input FILE
    predictions  samples with what is decided, beside the truth
    errors       the worst answers of a split

    Without --what: curves of a RUN, samples of a DATASET; of an EXPORT the confusion matrix where it tells classes,
    predictions where it gives masks, filters where there is no truth. An EXPORT needs no PyTorch.

    Files: plots/KIND.png in the folder of a RUN, else plots/NAME-KIND.png in the current folder, or --out PATH.
    """
    from zoo_core import open_zoo
    from zoo_core.commands import locate

    from .drawing import Wanted, draw

    zoo = open_zoo()
    place = locate(source, kinds=("run", "export", "dataset"), zoo=zoo)
    files = draw(zoo, source=place, wanted=Wanted(**wanted), out=out)
    if as_json:
        print_json({"files": [str(file) for file in files]})
        return
    for file in files:
        say(str(file))
    following = {
        "run": export_of(place.name, zoo),
        "export": typed("verify", place.name),
        "dataset": typed("train", "MODEL", "--dataset", place.name, *data_words(wanted["data"])),
    }
    say(f"Next: {following[place.kind]}")
