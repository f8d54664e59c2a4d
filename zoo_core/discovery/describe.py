"""What a plugin offers as plain data: the entries of the catalogue, checked one by one."""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from zoo_core.declared_options import UnusableParameterError
from zoo_core.errors import ZooError
from zoo_core.specs import DatasetSpec, ModelFamily, ModelSpec, RecipeSpec, TaskSpec, TrainerSpec, check_name

from .offers import Offers, hook_place, words

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ABOUT = ("task", "summary", "source", "license")
"""What a family may say of a member without making its spec."""


def describe(offers: Offers) -> dict[str, Any]:
    """`{entries, commands, events}` as JSON has them. Raises ZooError for an offer that cannot be listed."""
    entries: list[dict[str, Any]] = []
    with _told_where(offers, "zoo_models"):
        entries += [_entry("model", spec) for spec in offers.models]
    with _told_where(offers, "zoo_datasets"):
        entries += [_entry("dataset", spec) for spec in offers.datasets]
    with _told_where(offers, "zoo_trainers"):
        entries += [_entry("trainer", spec) for spec in offers.trainers]
    with _told_where(offers, "zoo_tasks"):
        entries += [_task(spec) for spec in offers.tasks]
    with _told_where(offers, "zoo_recipes"):
        entries += [_recipe(spec) for spec in offers.recipes]
    with _told_where(offers, "zoo_families"):
        entries += [member for family in offers.families for member in _members(family)]
    _check_distinct(entries)
    with _told_where(offers, "zoo_commands"):
        commands = [_command(command) for command in offers.commands]
    described = {"entries": entries, "commands": commands, "events": list(offers.events)}
    json.dumps(described, allow_nan=False)  # said of this plugin now, not of all of them later
    return described


@contextlib.contextmanager
def _told_where(offers: Offers, hook: str) -> Iterator[None]:
    """What is wrong with an offer is told with the line of the hook that offers it, unless it has its own."""
    try:
        yield
    except UnusableParameterError:
        raise
    except ZooError as error:
        raise ZooError(f"{words(error)} ({hook} at {hook_place(offers.manager, hook)})") from error


def _command(command: click.Command) -> dict[str, str]:
    if not _WORD.fullmatch(name := str(command.name)):
        raise ZooError(f"the command {name!r} is not one word that can be typed (letters, digits, '-', '.', '_')")
    return {"name": name, "help": command.get_short_help_str(limit=80)}


def _check_distinct(entries: Sequence[Mapping[str, Any]]) -> None:
    """A family may list what the plugin also offers by itself; each hook alone was looked at before."""
    seen = set()
    for entry in entries:
        if (key := (entry["kind"], entry["name"])) in seen:
            raise ZooError(f"the {entry['kind']} {entry['name']!r} is offered twice")
        seen.add(key)


def _members(family: ModelFamily) -> list[dict[str, Any]]:
    names = list(family.names())
    for name in names:
        if not isinstance(name, str) or not name or "/" in name:
            raise ZooError(f"family {family.prefix!r} lists {name!r}, which is not a name")
        check_name(f"{family.prefix}/{name}", where=f"family {family.prefix!r}")
    if len(set(names)) < len(names):
        raise ZooError(f"family {family.prefix!r} lists a name twice")
    library = family.library or family.prefix
    return [
        {
            "kind": "model",
            "name": f"{family.prefix}/{name}",
            "summary": f"{name} of {library}",
            "family": family.prefix,
            "library": library,
            **_about(family, name),
        }
        for name in names
    ]


def _about(family: ModelFamily, name: str) -> dict[str, str]:
    """What the family says of that member, where it says anything."""
    if family.about is None:
        return {}
    said = family.about(name)
    where = f"family {family.prefix!r}, about({name!r})"
    if not isinstance(said, Mapping):
        raise ZooError(f"{where} returns a {type(said).__name__}, not a mapping such as {{'task': ...}}")
    if unknown := [key for key in said if key not in _ABOUT]:
        raise ZooError(f"{where} has {unknown[0]!r}", hint=f"one of {', '.join(_ABOUT)}")
    for key, text in said.items():
        if not isinstance(text, str) or "\n" in text:
            raise ZooError(f"{where}: {key} is one line of text, not {text!r}")
    if "task" in said:
        check_name(said["task"], where=f"{where}, task")
    return {key: text for key, text in said.items() if text}


def _entry(kind: str, spec: ModelSpec | DatasetSpec | TrainerSpec) -> dict[str, Any]:
    data: dict[str, Any] = {"kind": kind}
    for field in ("name", "summary", "task", "source", "license"):
        text = getattr(spec, field, "")
        if not isinstance(text, str):
            raise ZooError(f"{spec.name!r}: {field} is text, not {text!r}")
        if text:
            data[field] = text
    data["options"] = [option.to_json() for option in spec.options]
    if isinstance(spec, TrainerSpec):
        return data
    data["inputs"] = {name: tensor.to_json() for name, tensor in spec.inputs.items()}
    if isinstance(spec, DatasetSpec):
        data["classes"] = None if spec.classes is None else _texts(spec.classes, f"{spec.name!r}: classes")
        data["splits"] = _texts(spec.splits, f"{spec.name!r}: splits")
        data["needs"] = _texts(spec.needs, f"{spec.name!r}: needs")
        if not isinstance(spec.download_bytes, int) or not math.isfinite(spec.download_bytes):
            raise ZooError(f"{spec.name!r}: download_bytes is a whole number, not {spec.download_bytes!r}")
        data["download_bytes"] = spec.download_bytes
        if spec.own_files not in {None, True, False}:
            raise ZooError(f"{spec.name!r}: own_files is True or False, not {spec.own_files!r}")
        data["own_files"] = spec.own_files
        return data
    _texts(spec.labels, f"{spec.name!r}: labels")
    data["outputs"] = {name: tensor.to_json() for name, tensor in spec.outputs.items()}
    data["aliases"] = _texts(spec.aliases, f"{spec.name!r}: aliases")
    data["weights"] = [weights.name for weights in spec.weights]
    if not isinstance(spec.renamed, Mapping):
        raise ZooError(f"{spec.name!r}: renamed maps old option names to new ones, not {spec.renamed!r}")
    return data


def _task(spec: TaskSpec) -> dict[str, Any]:
    where = f"{spec.name!r}"
    if not isinstance(spec.loss, str):
        raise ZooError(f"{where}: loss is text, not {spec.loss!r}")
    return {
        "kind": "task",
        "name": spec.name,
        "summary": spec.summary,
        "task": spec.name,
        "targets": spec.targets,
        "metrics": dict(spec.metrics),
        "selection": spec.selection,
        "loss": spec.loss,
        "takes": _texts(spec.takes, f"{where}: takes"),
        "answers": bool(spec.answers),
    }


def _recipe(spec: RecipeSpec) -> dict[str, Any]:
    return {
        "kind": "recipe",
        "name": spec.name,
        "summary": spec.summary,
        "options": [option.to_json() for option in spec.options],
        "suffixes": _texts(spec.suffixes, f"{spec.name!r}: suffixes"),
    }


def _texts(values: Any, where: str) -> list[str]:
    if not isinstance(values, tuple | list) or not all(isinstance(value, str) for value in values):
        raise ZooError(f"{where} is a tuple of texts, not {values!r}")
    return list(values)
