"""`zoo eval`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from zoo_core.commands.common import data_options, json_option, note, print_json, say
from zoo_core.commands.completion import complete_datasets, complete_runs_and_exports
from zoo_core.commands.isolation import isolation_options, provider_option
from zoo_core.commands.next_step import use_of, use_of_run, words_of

if TYPE_CHECKING:
    from zoo_core.shelf import Located
    from zoo_core.workflows.answers.evaluate import Evaluation

EXAMPLES = """
\b
Examples:
  zoo eval lenet5-digits                        on the dataset it was trained on
  zoo eval export:lenet5-digits                 the exported file, without PyTorch
  zoo eval model.onnx --dataset digits --split validation
  zoo eval lenet5-digits --dataset image-folder -d root=pictures --json
  zoo eval mine -d skip_bad=true                without the files that cannot be read
  zoo eval mine -d root=moved/pictures          the data lie elsewhere now
"""


@click.command("eval", epilog=EXAMPLES)
@click.argument("source", metavar="RUN|EXPORT", shell_complete=complete_runs_and_exports)
@click.option("--dataset", metavar="D", shell_complete=complete_datasets, help="Default: the one it was trained on.")
@data_options
@click.option("--split", metavar="S", help="Default: test, or validation where there is no test.")
@click.option("--download", is_flag=True, help="Fetch the dataset if it is not on the disk.")
@click.option("--accept-changes", is_flag=True, help="Also on data that have changed since training.")
@isolation_options
@provider_option
@json_option
def command(source: str, as_json: bool, **asked: Any) -> None:
    """Measure a run, or an exported file without PyTorch, on a dataset.

    A name that is both a run and its export means the run; `export:NAME` says otherwise. Pictures are prepared as the
    model needs them, whatever the dataset's own preprocessing. Its own data have to be those that it was trained on:
    after a change, samples of its training may be in the test part, which is refused (exit code 1) unless
    `--accept-changes`, and only told where `-d` names data. `--json` also prints the confusion matrix: a row for
    each true class, a column for each decision.
    """
    from zoo_core.registry import open_zoo
    from zoo_core.runtime.reading.run_beside import run_gone_on
    from zoo_core.shelf import locate, model_file
    from zoo_core.workflows.answers.evaluate import evaluate
    from zoo_core.workflows.unmeasured import refuse_unmeasured

    zoo = open_zoo()
    place = locate(source, kinds=("run", "export"), zoo=zoo)
    found = evaluate(zoo, source=place, **asked)
    if found.split == "validation" and found.same_data is not False and _is_of_the_run(place, asked["dataset"]):
        note("The validation part also chose the epoch of this run: its numbers flatter a little.")
    if place.kind == "export" and place.path is not None and (gone_on := run_gone_on(model_file(place.path))):
        note(f"Warning: {gone_on}")
    for remark in found.remarks:
        note(remark)
    if as_json:
        print_json(found.to_json())
    else:
        _show(source, found)
        say("", f"Next: {use_of_run(source, zoo) if place.kind == 'run' else use_of(source, words_of(source))}")
    refuse_unmeasured({found.split: found.metrics}, shown=source, kept="all else was measured")


def _show(source: str, found: Evaluation) -> None:
    """The metrics of everything, and of each class."""
    from zoo_core.records import counted

    from .class_table import class_table

    say(f"{source}: {counted(found.n, 'sample')}, split {found.split}")
    if found.skipped:
        say(f"  left out, because they cannot be read: {counted(len(found.skipped), 'file')}; --json names them")
    width = max(12, 1 + max(map(len, found.metrics)))
    for name, value in found.metrics.items():
        say(f"  {name:<{width}}{value:.4f}")
    if rows := found.details.get("classes"):
        say("", *class_table(rows))


def _is_of_the_run(place: Located, dataset: str | None) -> bool:
    """Whether a run is measured on the data that it was trained on."""
    from zoo_core.training.directory import read_info

    return place.kind == "run" and place.path is not None and dataset in {None, read_info(place.path).dataset}
