"""From the plain JSON of a `run.json` to the record of a run; what nobody has written is damage, told in words."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from zoo_core.bounded_json import is_plain_number
from zoo_core.errors import ZooError
from zoo_core.records import BestExport, Leg, ResumeCertificate, RunInfo

from .epoch_rows import metrics_from

_LISTS = ("classes", "fresh", "freeze", "skipped", "remarks")
_KINDS: dict[str, type | types.UnionType] = {
    **dict.fromkeys(("name", "model", "model_plugin", "dataset", "dataset_plugin", "dataset_fingerprint"), str),
    **dict.fromkeys(("trainer", "trainer_plugin", "device", "status", "machine", "selection", "task_plugin"), str),
    **dict.fromkeys(("options", "dataset_options", "config", "validation", "versions"), dict),
    **dict.fromkeys(("part_fingerprints", "task_settings", "recipes", "plan"), dict),
    **dict.fromkeys(("epochs", "seed", "processes"), int),
    "backend": str,
    **dict.fromkeys((*_LISTS, "legs"), list),
    "init_from": str | None,
    "best_epoch": int | None,
    "overfit": int | None,
    "seconds": float | None,
    "beats_chance": bool | None,
    "test": dict | None,
    "resume_certificate": dict | None,
    "best_export": dict | None,
    "commit": str | None,
}


def _texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _measured(values: Mapping[str, Any]) -> bool:
    return all(value is None or is_plain_number(value) for value in values.values())


_VALUES: dict[str, tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys(("classes", "fresh", "freeze"), (_texts, "a list of texts")),
    **dict.fromkeys(("validation", "test"), (_measured, "a number for each metric")),
    "part_fingerprints": (lambda parts: _texts([*parts.values()]), "a text for each part"),
    "versions": (lambda versions: _texts([*versions.values()]), "a text for each package"),
    "seed": (lambda seed: is_plain_number(seed) and 0 <= seed < 1 << 63, "a number from 0 to 2**63 - 1"),
    **dict.fromkeys(
        ("epochs", "processes"), (lambda number: is_plain_number(number) and number > 0, "a number above 0")
    ),
}


def info_from(data: Mapping[str, Any], file: Path) -> RunInfo:
    """The record of a run. Raises ZooError, which names `file`, where it is damaged or of another schema."""
    if data.get("schema") != RunInfo.schema:
        raise ZooError(f"{file} has schema {data.get('schema')!r}; this version reads {RunInfo.schema}")
    fields = {field.name: field for field in dataclasses.fields(RunInfo)}
    needed = {name for name, field in fields.items() if _has_no_default(field)}
    if wrong := sorted((needed - data.keys()) | (data.keys() - fields.keys())):
        raise ZooError(f"the run's record {file} is damaged: wrong or missing {', '.join(wrong)}")
    for name, kind in _KINDS.items():
        if name in data and not isinstance(data[name], kind):
            raise ZooError(f"the run's record {file} is damaged: {name} is {str(data[name])[:60]!r}")
    for name, (fits, words) in _VALUES.items():
        if name in data and data[name] is not None and not fits(data[name]):
            raise ZooError(f"the run's record {file} is damaged: {name} is {str(data[name])[:60]!r}, not {words}")
    lists: dict[str, Any] = {name: tuple(data[name]) for name in _LISTS if name in data}
    measured = {part: metrics_from(data[part]) for part in ("validation", "test") if data.get(part) is not None}
    legs = tuple(_read_leg(leg, file) for leg in data.get("legs", []))
    certificate = _read_certificate(data.get("resume_certificate"), file)
    parts = {
        "legs": legs,
        "resume_certificate": certificate,
        "best_export": _read_export(data.get("best_export"), file),
    }
    return RunInfo(**{**data, **lists, **measured, **parts})


def _read_export(data: Any, file: Path) -> BestExport | None:
    if data is None:
        return None
    try:
        validation = None if data.get("validation") is None else metrics_from(data["validation"])
        export = BestExport(**{**data, "validation": validation})
        fits = isinstance(export.epoch, int) and _texts([export.outcome, export.folder, export.detail])
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise ZooError(f"the run's record {file} is damaged: its last export is {str(data)[:60]!r}")
    return export


def _read_certificate(data: Any, file: Path) -> ResumeCertificate | None:
    if data is None:
        return None
    try:
        parts = {name: tuple(data.get(name, ())) for name in ("resumed_after", "differs")}
        certificate = ResumeCertificate(**{**data, **parts})
        fits = isinstance(certificate.sha256, str) and all(_texts([*part]) for part in parts.values())
    except TypeError:
        fits = False
    if not fits:
        raise ZooError(f"the run's record {file} is damaged: its resume certificate is {str(data)[:60]!r}")
    return certificate


def _read_leg(data: Any, file: Path) -> Leg:
    kinds = {"why": str, "after": int, "epochs": int, "plugins": dict, "versions": dict, "began": str}
    try:
        leg = Leg(**data)
        fits = all(isinstance(getattr(leg, name), kind) for name, kind in kinds.items())
        fits = fits and all(isinstance(plugin, dict) for plugin in leg.plugins.values())
    except TypeError:
        fits = False
    if not fits:
        raise ZooError(f"the run's record {file} is damaged: a leg is {str(data)[:60]!r}")
    return leg


def _has_no_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
