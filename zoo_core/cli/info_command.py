"""`zoo info`."""

from __future__ import annotations

from typing import Any

import click

from zoo_core.commands.common import data_options, json_option, model_options, note, print_json, say, typed
from zoo_core.commands.completion import complete_datasets, complete_described
from zoo_core.commands.next_step import data_words
from zoo_core.task_lookup import task_spec

from .description import description
from .export_description import export_description, next_of_export

EXAMPLES = """
\b
Examples:
  zoo info lenet5
  zoo info lenet5 --dataset mnist
  zoo info lenet5 -o in_channels=3 -o height=32 -o width=32
  zoo info dataset:digits
  zoo info digits --statistics
  zoo info image-classification
  zoo info quickstart                   an export in exported/, by its name
  zoo info export:lenet5                the same, where a model has that name too
  zoo info exported/lenet5-digits       or by its path, also of a bare .onnx file
"""


@click.command("info", epilog=EXAMPLES)
@click.argument("name", shell_complete=complete_described)
@click.option(
    "--dataset", metavar="D", shell_complete=complete_datasets, help="Take a model's sizes from this dataset."
)
@model_options
@data_options
@click.option("--statistics", is_flag=True, help="Mean and standard deviation of a dataset's training split.")
@click.option("--download", is_flag=True, help="Fetch the dataset if it is not on the disk.")
@json_option
def command(
    name: str,
    dataset: str | None,
    options: dict[str, str],
    data: dict[str, str],
    statistics: bool,
    download: bool,
    as_json: bool,
) -> None:
    """Show one model, dataset, trainer, task or export: its shapes, options, source, license and more.

    Of an export, a folder or a bare .onnx file: what goes in and how files become that, what comes out, labels and
    thresholds, what it was made of, and whether it is the file that was verified. It is not run, and PyTorch is not
    needed. A name that the catalogue has means that entry; `export:NAME`, or a path, means the export.
    """
    from zoo_core.registry import open_zoo
    from zoo_core.shelf import EXPORTS, is_export
    from zoo_core.workflows.catalogue.info import describe

    found = describe(
        open_zoo(), name, dataset=dataset, options=options, data=data, statistics=statistics, download=download
    )
    if as_json:
        print_json(found)
        return
    if found["kind"] == "export":
        say(*export_description(found), "", f"Next: {next_of_export(name, found)}")
        return
    for line in description(found):
        say(line)
    if "/" not in name and is_export(EXPORTS / name):
        note(f"There is an export of this name, too: {typed('info', f'export:{name}')}")
    if "hint" in found:
        note(f"Hint: {found['hint']}")
    say("", f"Next: {_next(found, dataset, data)}")


def _next(found: dict[str, Any], dataset: str | None, data: dict[str, str]) -> str:
    if found["kind"] == "model":
        if not task_spec(found["task"]).is_trained:
            return typed("export", found["name"])
        return typed("train", found["name"], "--dataset", dataset or "NAME", *data_words(data))
    if found["kind"] == "dataset":
        return typed("train", "MODEL", "--dataset", found["name"], *data_words(data))
    if found["kind"] != "task":
        return typed("list", "models")
    if not found["models"]:
        return typed("new", "plugin", "NAME", "--kind", "model")
    return typed("list", "models", "--task", found["name"])
