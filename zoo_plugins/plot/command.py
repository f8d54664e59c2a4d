"""`zoo plot`: pictures of a run, an export or a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo_core.commands import (
    FilePath,
    complete_datasets,
    complete_plotted,
    data_options,
    json_option,
    note,
    print_json,
    say,
)

if TYPE_CHECKING:
    pass

EXAMPLES = """
\b
Examples:
  zoo plot lenet5-digits                              loss and accuracy of every epoch
  zoo plot first second third                         their curves over each other, named by what differs
  zoo plot digits                                     a grid of its samples
  zoo plot digits --what augmented --augment crop     what training sees of some of them, epoch by epoch
  zoo plot export:lenet5-digits                       the confusion matrix, without PyTorch
  zoo plot lenet5-digits --what all                   every picture that there is of it
  zoo plot lenet5-digits --what errors --split validation --count 80
  zoo plot lenet5-digits --what why --layer conv1     what each decision rests on
  zoo plot model.onnx --what activations --input seven.png --layer conv2 --out maps.png
"""


@click.command("plot", epilog=EXAMPLES)
@click.argument("sources", nargs=-1, required=True, metavar="RUN...|EXPORT|DATASET", shell_complete=complete_plotted)
@click.option("--what", metavar="KIND", help="Which picture, see above.")
@click.option("--dataset", metavar="D", shell_complete=complete_datasets, help="Default: the one it was trained on.")
@data_options
@click.option("--split", metavar="S", help="Default: train for samples; else test, or validation without a test.")
@click.option("--download", is_flag=True, help="Fetch the dataset if it is not on the disk.")
@click.option("--input", metavar="FILE", type=FilePath(), help="One input: activations, why.")
@click.option("--layer", metavar="L", help="Module path: filters, activations, why. Default: a convolution.")
@click.option("--augment", metavar="NAMES", help="augmented: as for `zoo train -t augment=`. Default: usual.")
@click.option("--count", type=click.IntRange(1, 500), metavar="N", help="How many samples, predictions or errors.")
@click.option("--accept-changes", is_flag=True, help="Also of data that have changed since training.")
@click.option("--out", metavar="PATH", type=FilePath(), help="A PNG file, or a folder.")
@json_option
def command(sources: tuple[str, ...], out: Path | None, as_json: bool, **wanted: Any) -> None:
    """Draw a run, an export or a dataset as PNG; or the curves of several runs over each other.

    \b
    KIND         shows
    curves       loss and metric of every epoch, the best one marked (of a RUN)
    samples      samples of a dataset, as many of each class, with masks
    augmented    what augmentation makes of samples in each epoch (of a DATASET)
    confusion    true class against decision: samples, or places of masks
    filters      the kernels of the first convolution
    activations  what a layer makes of --input FILE
    predictions  samples with what is decided, beside the truth
    why          what the decision for a class rests on: samples, or --input FILE
    errors       the worst answers of a split, with the names of their files; all of them as CSV beside the picture
    all          each of these that fits the RUN, EXPORT or DATASET

    Without --what: curves of a RUN, samples of a DATASET; of an EXPORT the confusion matrix where it tells classes,
    predictions where it gives masks, filters where there is no truth. Of a RUN, why is Grad-CAM of the last convolution
    or of --layer; of an EXPORT, which needs no PyTorch, what it costs to cover a part.

    Files: plots/KIND.png in the folder of a RUN, else plots/NAME-KIND.png here, or --out PATH.
    """
    from zoo_core import open_zoo
    from zoo_core.commands import locate

    from .after import next_after
    from .drawing import Wanted
    from .every import draw_asked

    zoo, remarks = open_zoo(), list[str]()
    kinds: tuple[Any, ...] = ("run", "export", "dataset") if len(sources) == 1 else ("run",)
    places, asked = [locate(source, kinds=kinds, zoo=zoo) for source in sources], Wanted(**wanted)
    files = draw_asked(zoo, sources=places, wanted=asked, out=out, on_left_out=note, on_remark=remarks.append)
    for remark in remarks:
        note(remark)
    if as_json:
        print_json({"files": [str(file) for file in files], "remarks": remarks})
        return
    say(*map(str, files), f"Next: {next_after(sources, places[0], zoo, wanted['data'])}")
