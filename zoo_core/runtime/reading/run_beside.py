"""The run that an exported file was made from, where it is at hand: whether it has other weights by now, and where its
data lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo_core.bundle_files import MODEL_FILE
from zoo_core.errors import ZooError
from zoo_core.files import read_json
from zoo_core.foreign_text import shell_word
from zoo_core.shelf import EXPORTS, RUNS, folder_name

from .own_words import own_words

_SHOWN = "validation loss"


def run_gone_on(path: Path) -> str | None:
    """What to say where the run behind an exported file was resumed, extended or trained anew since: its best weights
    have other validation metrics than the file says.

    None where they have the same, and where that cannot be known here: the run is not beside the folder of the export,
    or in the folder where `exported/` lies.
    """
    words = own_words(path)
    name, record = _run_of(path, words)
    then, now = _validation_of(words.get("metrics")), _validation_of(record.get("validation"), prefix="validation ")
    if not then or not now or then == now:
        return None
    told = f" ({_SHOWN} {now[_SHOWN]:.4f} now, {then[_SHOWN]:.4f} then)" if _SHOWN in then.keys() & now.keys() else ""
    return (
        f"run {name!r} has other weights than when this file was made of it{told}; "
        f"zoo export {shell_word(name)} makes it anew"
    )


@dataclass(frozen=True, kw_only=True)
class DataOfRun:
    """Where the data of a run lie, as it was said, and the files that it left out of them."""

    root: str | None = None
    left_out: tuple[str, ...] = ()


def data_of_run(path: Path, trained_on: Mapping[str, Any]) -> DataOfRun:
    """What the run behind an exported file knows of its data; nothing where it is not at hand, as in `run_gone_on`, or
    was trained on others than the file says in `trained_on`: a file names no path of anybody's machine."""
    _, record = _run_of(path, own_words(path))
    known = {"name": "dataset", "plugin": "dataset_plugin", "fingerprint": "dataset_fingerprint"}
    options = record.get("dataset_options")
    if not isinstance(options, dict) or any(trained_on.get(key) != record.get(name) for key, name in known.items()):
        return DataOfRun()
    root, skipped = options.get("root"), record.get("skipped")
    names = [name for name in skipped if isinstance(name, str)] if isinstance(skipped, list) else []
    return DataOfRun(root=root if isinstance(root, str) else None, left_out=tuple(names))


def _run_of(path: Path, words: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The name of the run behind a file, and its record; empty where it is not at hand."""
    try:
        name = folder_name(words["run"])
        return name, read_json(_runs_of(path) / name / "run.json", what="the run's record")
    except (KeyError, TypeError, AttributeError, ZooError):
        return "", {}


def _runs_of(path: Path) -> Path:
    """Where the runs are kept of who exported the file."""
    folder = path.parent if path.name == MODEL_FILE else path
    above = folder.resolve().parent
    return (above.parent if above.name == EXPORTS.name else above) / RUNS


def _validation_of(metrics: Any, *, prefix: str = "") -> dict[str, float]:
    """The metrics of the validation part, by the names that a file has for them."""
    if not isinstance(metrics, dict):
        return {}
    named = {f"{prefix}{name}": value for name, value in metrics.items()}
    return {
        name: value
        for name, value in named.items()
        if name.startswith("validation ") and isinstance(value, int | float)
    }
