"""`zoo eval`."""

from __future__ import annotations

import click

from .common import data_options, json_option, print_json, say
from .completion import complete_datasets, complete_runs_and_exports

EXAMPLES = """
\b
Examples:
  zoo eval lenet5-digits                        on the dataset it was trained on
  zoo eval export:lenet5-digits                 the exported file, without PyTorch
  zoo eval model.onnx --dataset digits --split validation
  zoo eval lenet5-digits --dataset image-folder -d root=pictures --json
"""


@click.command("eval", epilog=EXAMPLES)
@click.argument("source", metavar="RUN|EXPORT", shell_complete=complete_runs_and_exports)
@click.option("--dataset", metavar="D", shell_complete=complete_datasets, help="Default: the one it was trained on.")
@data_options
@click.option("--split", metavar="S", help="Default: test, or validation where there is no test.")
@click.option("--download", is_flag=True, help="Fetch the dataset if it is not on the disk.")
@json_option
def command(
    source: str, dataset: str | None, data: dict[str, str], split: str | None, download: bool, as_json: bool
) -> None:
    """Measure a run, or an exported file without PyTorch, on a dataset.

    A name that is both a run and its export means the run; `export:NAME` says otherwise. Pictures are prepared as the
    model needs them, whatever the dataset's own preprocessing.
    """
    from zoo_core.registry import open_zoo
    from zoo_core.shelf import locate
    from zoo_core.workflows.evaluate import evaluate

    zoo = open_zoo()
    place = locate(source, kinds=("run", "export"), zoo=zoo)
    found = evaluate(zoo, source=place, dataset=dataset, data=data, split=split, download=download)
    if as_json:
        print_json(found.to_json())
        return
    say(f"{source}: {found.n:,} samples, split {found.split}")
    for name, value in found.metrics.items():
        say(f"  {name:<12}{value:.4f}")
    say(f"\nNext: zoo predict {place.name} PICTURE" if place.kind == "export" else f"\nNext: zoo export {place.name}")
