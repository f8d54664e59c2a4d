"""The run that an exported file was made from, where it is at hand: whether it has other weights by now."""

from __future__ import annotations

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
    try:
        name = folder_name(words["run"])
        record = read_json(_runs_of(path) / name / "run.json", what="the run's record")
    except (KeyError, TypeError, AttributeError, ZooError):
        return None
    then, now = _validation_of(words.get("metrics")), _validation_of(record.get("validation"), prefix="validation ")
    if not then or not now or then == now:
        return None
    told = f" ({_SHOWN} {now[_SHOWN]:.4f} now, {then[_SHOWN]:.4f} then)" if _SHOWN in then.keys() & now.keys() else ""
    return (
        f"run {name!r} has other weights than when this file was made of it{told}; "
        f"zoo export {shell_word(name)} makes it anew"
    )


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
