"""The command that comes next, as it is typed: every command prints one, and it can be pasted."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core.bundle_files import MODEL_FILE, REPORT_FILE
from zoo_core.discovery.entry_points import has_verb

from .common import typed

if TYPE_CHECKING:
    from zoo_core.records import RunInfo
    from zoo_core.registry import Zoo
    from zoo_core.shelf import Located


def data_words(data: Mapping[str, Any]) -> list[str]:
    """The dataset options that were given, to be given again."""
    return [word for key, value in data.items() for word in ("-d", f"{key}={value}")]


def without(flag: str) -> str:
    """The very command that is running, without one of its flags."""
    return typed(*(word for word in sys.argv[1:] if word != flag))


def going_on(info: RunInfo, run: str | None) -> str:
    """What goes on with a training that was stopped; `run` as it was typed, where it was."""
    several = ("--processes", info.processes) if info.processes > 1 else ()
    return typed("train", info.model, "--dataset", info.dataset, "--run", run or info.name, "--resume", *several)


def argument(source: str | Path) -> str:
    """A name or path as it is typed: one that begins with a dash is no option behind a dot."""
    return f"./{source}" if str(source).startswith("-") else str(source)


def verify_again(source: str | Path, model: Path) -> str:
    """What verifies an export, by its name or path; without a report, the file `model` in it alone."""
    alone = model.name == MODEL_FILE and not model.with_name(REPORT_FILE).exists()
    return typed("verify", argument(model if alone else source))


def verify_of(export: Located) -> str:
    """What verifies an export, by its name, or by its path where it does not lie with the others."""
    from zoo_core.shelf import EXPORTS

    path = export.path
    named = path is None or path == EXPORTS / export.name
    return typed("verify", export.name if named else argument(path or ""))


def export_of(run: str, zoo: Zoo) -> str:
    """What exports a run, by its name or path."""
    from zoo_core.shelf import spelled

    return typed("export", spelled("run", run, kinds=("run", "model"), zoo=zoo))


def use_of_run(run: str, zoo: Zoo) -> str:
    """What comes after a run, by its name or path: the rest of it where it was stopped, more epochs where it is no
    better than chance, else its export."""
    from zoo_core.shelf import RUNS, find_run
    from zoo_core.training.directory import read_info, read_rows

    path = find_run(run)
    word, info = path.name if path.parent == RUNS else str(path), read_info(path)
    if info.status == "unfinished" and len(read_rows(path)) < info.epochs:
        return going_on(info, word)
    if info.beats_chance is not False:
        return export_of(word, zoo)
    longer = ("--resume", "--epochs", 2 * info.epochs)
    return typed("train", info.model, "--dataset", info.dataset, "--run", word, *longer)


def words_of(export: str | Path) -> dict[str, Any]:
    """What an export, by its name or path, says of itself."""
    from zoo_core.runtime.reading.own_words import own_words
    from zoo_core.shelf import find_export, model_file

    path = export if isinstance(export, Path) else find_export(export)
    return own_words(model_file(path))


def use_of(export: str | Path, words: Mapping[str, Any]) -> str:
    """What an export is for: `zoo predict` with what it takes, or a look at it where that takes nothing that it does.

    `export` is its name or path, as it is typed; `words`, what it says of itself, of which `untrained`, `task`,
    `preprocess`, `recipes` and the axes of `inputs` are read.
    """
    export = argument(export)
    if words.get("untrained") or not _has_answers(words):
        return look_at(export)
    inputs = words.get("inputs")
    axes = [spec.get("axes", ()) for spec in inputs.values()] if isinstance(inputs, dict) else []
    if made := words.get("recipes"):
        return typed("predict", export, _read_by(made, inputs))
    if len(axes) != 1:
        return typed("predict", export, "SAMPLES.csv") if axes else look_at(export)
    if words.get("preprocess") is not None:
        return typed("predict", export, "PICTURE...")
    taken = {1: "NUMBERS.csv...", 2: "TABLE.csv...", 3: "SEQUENCE.csv..."}
    return typed("predict", export, taken.get(len(axes[0]), "ARRAY.npy..."))


def _read_by(recipes: Any, inputs: Any) -> str:
    """What stands for the files that recipes read; of several a table names those of each sample."""
    from zoo_core.errors import ZooError
    from zoo_core.recipe_lookup import recipe_spec
    from zoo_core.recipe_spec import Recipe, sources_of

    try:
        known = {name: Recipe.from_json(data) for name, data in recipes.items()}
        first = next(iter(known.values()))
        suffixes = recipe_spec(first.name, plugin=first.plugin).suffixes
        alone = len(sources_of(inputs, known)) == 1
    except (ZooError, AttributeError):
        return "FILE..."  # its plugin is not installed, or the record is damaged
    return f"FILE{suffixes[0]}..." if alone and suffixes else "SAMPLES.csv"


def _has_answers(words: Mapping[str, Any]) -> bool:
    from zoo_core.errors import ZooError
    from zoo_core.task_lookup import task_spec

    try:
        return task_spec(str(words.get("task")), plugin=str(words.get("task_plugin") or "")).answers
    except ZooError:
        return False  # its plugin is not installed


def look_at(export: str | Path) -> str:
    """What shows an export: its graph in the browser, or its verification where there is no such verb."""
    return typed("view" if has_verb("view") else "verify", argument(export))
