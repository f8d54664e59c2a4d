"""In which settings runs differ: what tells them apart in a table or a legend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zoo_core.options import write_list
from zoo_core.records import RunInfo

_TYPED = {"-o": "options", "-d": "dataset_options", "-t": "config"}
_SINGLE = {
    "--seed": "seed",
    "--trainer": "trainer",
    "--init-from": "init_from",
    "--freeze": "freeze",
    "--overfit": "overfit",
}


def differing_settings(runs: Sequence[RunInfo | Mapping[str, Any]]) -> list[dict[str, str]]:
    """For each run those settings that are not the same in all of them, as they are typed: `{"-t lr": "0.01"}`.

    A run is its record, or the content of its `run.json`. Settings that one of the runs does not know, as those of
    another model or of an older version, are left out, and so is the number of epochs.
    """
    known = [_settings(run.to_json() if isinstance(run, RunInfo) else run) for run in runs]
    common = [name for name in known[0] if all(name in each for each in known)] if known else []
    differing = [name for name in common if len({each[name] for each in known}) > 1]
    return [{name: each[name] for name in differing} for each in known]


def _settings(record: Mapping[str, Any]) -> dict[str, str]:
    settings: dict[str, str] = {}
    for flag, field in _TYPED.items():
        values = record.get(field)
        if isinstance(values, Mapping):
            settings |= {f"{flag} {name}": _text(value) for name, value in values.items()}
    settings.pop("-t epochs", None)
    return settings | {flag: _text(record[field]) for flag, field in _SINGLE.items() if field in record}


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return write_list([str(each) for each in value]) or "none"
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)
