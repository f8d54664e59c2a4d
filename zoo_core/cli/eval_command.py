"""`zoo eval`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from zoo_core.commands.common import data_options, json_option, note, print_json, say
from zoo_core.commands.completion import complete_datasets, complete_runs_and_exports
from zoo_core.commands.isolation import isolation_options
from zoo_core.commands.next_step import export_of, use_of, words_of

if TYPE_CHECKING:
    from zoo_core.shelf import Located

EXAMPLES = """
\b
Examples:
  zoo eval lenet5-digits                        on the dataset it was trained on
  zoo eval export:lenet5-digits                 the exported file, without PyTorch
  zoo eval model.onnx --dataset digits --split validation
  zoo eval lenet5-digits --dataset image-folder -d root=pictures --json
  zoo eval mine -d skip_bad=true                without the files that cannot be read
"""


@click.command("eval", epilog=EXAMPLES)
@click.argument("source", metavar="RUN|EXPORT", shell_complete=complete_runs_and_exports)
@click.option("--dataset", metavar="D", shell_complete=complete_datasets, help="Default: the one it was trained on.")
@data_options
@click.option("--split", metavar="S", help="Default: test, or validation where there is no test.")
@click.option("--download", is_flag=True, help="Fetch the dataset if it is not on the disk.")
@isolation_options
@json_option
def command(
    source: str,
    dataset: str | None,
    data: dict[str, str],
    split: str | None,
    download: bool,
    isolated: Any,
    as_json: bool,
) -> None:
    """Measure a run, or an exported file without PyTorch, on a dataset.

    A name that is both a run and its export means the run; `export:NAME` says otherwise. Pictures are prepared as the
    model needs them, whatever the dataset's own preprocessing. `--json` also prints the confusion matrix: a row for
    each true class, a column for each decision.
    """
    from zoo_core.records import counted
    from zoo_core.registry import open_zoo
    from zoo_core.shelf import locate
    from zoo_core.workflows.answers.evaluate import evaluate

    from .class_table import class_table

    zoo = open_zoo()
    place = locate(source, kinds=("run", "export"), zoo=zoo)
    found = evaluate(zoo, source=place, dataset=dataset, data=data, split=split, download=download, isolated=isolated)
    if found.split == "validation" and _is_of_the_run(place, dataset):
        note("The validation part also chose the epoch of this run: its numbers flatter a little.")
    if as_json:
        print_json(found.to_json())
        return
    say(f"{source}: {counted(found.n, 'sample')}, split {found.split}")
    if found.skipped:
        say(f"  left out, because they cannot be read: {counted(len(found.skipped), 'file')}; --json names them")
    width = max(12, 1 + max(map(len, found.metrics)))
    for name, value in found.metrics.items():
        say(f"  {name:<{width}}{value:.4f}")
    say("", *class_table(found.details["classes"]))
    say("", f"Next: {export_of(place.name, zoo) if place.kind == 'run' else use_of(source, words_of(source))}")


def _is_of_the_run(place: Located, dataset: str | None) -> bool:
    """Whether a run is measured on the data that it was trained on."""
    from zoo_core.training.directory import read_info

    return place.kind == "run" and place.path is not None and dataset in {None, read_info(place.path).dataset}
