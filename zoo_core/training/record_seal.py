"""What of a run's record was decided before its first step, as hashes that its weights and its checkpoint carry."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from zoo_core.errors import ZooError
from zoo_core.records import RunInfo

from .trainer_options import SAME_BITS_OPTIONS

_DECIDED = (
    "model",
    "model_plugin",
    "options",
    "dataset",
    "dataset_plugin",
    "dataset_options",
    "dataset_fingerprint",
    "classes",
    "trainer",
    "trainer_plugin",
    "config",
    "seed",
    "init_from",
    "freeze",
)
_MAY_CHANGE = {"dataset_options": ("root",), "config": ("epochs", *SAME_BITS_OPTIONS)}
"""What may be another one later: data may move, a finished run may be extended, some options change no bit."""

_DIGITS = 16


def record_hashes(info: RunInfo) -> dict[str, str]:
    """A hash of each thing that was decided, by its name in `run.json`."""
    record = info.to_json()
    return {name: _hash(_without(record[name], _MAY_CHANGE.get(name, ()))) for name in _DECIDED}


def check_record(info: RunInfo, sealed: Any, *, file: Path) -> None:
    """Raise ZooError where the record says another thing than when weights were written that carry the hashes `sealed`.

    Older versions wrote none.
    """
    if not isinstance(sealed, Mapping):
        return
    now = record_hashes(info)
    if edited := [name for name in _DECIDED if name in sealed and sealed[name] != now[name]]:
        raise ZooError(
            f"{file} was edited: {', '.join(edited)} {'is' if len(edited) == 1 else 'are'} not what the run was "
            "trained with",
            hint="bring back what it said, or train again; names of classes, sizes and options belong to the weights",
        )


def _without(value: Any, names: Collection[str]) -> Any:
    return {key: each for key, each in value.items() if key not in names} if isinstance(value, Mapping) else value


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:_DIGITS]
