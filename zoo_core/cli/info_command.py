"""`zoo info`."""

from __future__ import annotations

from typing import Any

import click

from .common import data_options, json_option, model_options, note, print_json, say
from .completion import complete_datasets, complete_entries

EXAMPLES = """
\b
Examples:
  zoo info lenet5
  zoo info lenet5 --dataset mnist
  zoo info lenet5 -o in_channels=3 -o height=32 -o width=32
  zoo info dataset:digits
"""


@click.command("info", epilog=EXAMPLES)
@click.argument("name", shell_complete=complete_entries)
@click.option(
    "--dataset", metavar="D", shell_complete=complete_datasets, help="Take a model's sizes from this dataset."
)
@model_options
@data_options
@json_option
def command(name: str, dataset: str | None, options: dict[str, str], data: dict[str, str], as_json: bool) -> None:
    """Show one model, dataset or trainer: its options, shapes, parameters, source and license."""
    from zoo_core.registry import open_zoo
    from zoo_core.workflows.info import describe

    found = describe(open_zoo(), name, dataset=dataset, options=options, data=data)
    if as_json:
        print_json(found)
        return
    for line in _lines(found):
        say(line)
    if "hint" in found:
        note(f"Hint: {found['hint']}")
    say(f"\nNext: {_next(found, dataset)}")


def _lines(found: dict[str, Any]) -> list[str]:
    lines = [f"{found['name']}: {found['summary']}", ""]
    lines += [f"{key:<12}{found[key]}" for key in ("kind", "task", "plugin", "source", "license") if found[key]]
    if "parameters" in found:
        count = "unknown" if found["parameters"] is None else f"{found['parameters']:,}"
        lines.append(f"{'parameters':<12}{count}")
    lines += [
        f"{key[:-1]:<12}{name} ({', '.join(map(str, tensor['axes']))}) {tensor['dtype']}"
        for key in ("inputs", "outputs")
        for name, tensor in found.get(key, {}).items()
    ]
    listed = ("classes", "splits", "weights", "aliases", "needs")
    lines += [f"{key:<12}{_listed(found[key])}" for key in listed if found.get(key)]
    if found["options"]:
        lines += ["", "options"]
        lines += [f"  {_option(option)}" for option in found["options"]]
    return lines


def _listed(values: list[str]) -> str:
    return ", ".join(values[:10]) + (f", ... ({len(values)})" if len(values) > 10 else "")


def _option(option: dict[str, Any]) -> str:
    value = option.get("value", option["default"])
    shown = (
        ",".join(map(str, value)) if isinstance(value, list) else str(value).lower() if value is None else str(value)
    )
    kind = f"a list of {option['type'][:-3]}" if option["type"].endswith("...") else option["type"]
    choices = f", one of {', '.join(map(str, option['choices']))}" if "choices" in option else ""
    needed = " (required)" if option.get("required") and value is None else f"={shown}"
    return f"{option['name']}{needed}  [{kind}{choices}]"


def _next(found: dict[str, Any], dataset: str | None) -> str:
    if found["kind"] == "model":
        return f"zoo train {found['name']} --dataset {dataset or 'NAME'}"
    return f"zoo train MODEL --dataset {found['name']}" if found["kind"] == "dataset" else "zoo list models"
