"""What `zoo list runs` shows: a row for each run, read from its record and its epochs, and the order of the rows."""

from __future__ import annotations

import datetime
import itertools
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo_core.errors import ZooError
from zoo_core.file_limits import MAX_ROWS_BYTES
from zoo_core.files import read_plain
from zoo_core.records import least_is_best, metric_of
from zoo_core.shelf import ShelfEntry
from zoo_core.training.differing import differing_settings
from zoo_core.training.directory import ROWS_FILE, RUN_FILE

HEADER = ("NAME", "MODEL", "DATASET", "EPOCHS", "BEST", "SECONDS", "BEGAN", "DIFFERS IN")


def run_fields(entries: Sequence[ShelfEntry]) -> list[dict[str, Any]]:
    """For each run `{model, dataset, status, epochs, planned, metric, best, best_epoch, beats_chance, seconds, date,
    differs}`.

    `epochs` are those that are done, `best` is the validation `metric` of the best of them, `beats_chance` is None
    where nobody looked, `date` is when the run began, in UTC, and `differs` has the settings in which runs of the same
    model and dataset differ. What a record does not say is None; of a damaged one that is everything.
    """
    differs = _differences(entries)
    return [{**_fields(entry), "differs": differs[entry.name]} for entry in entries]


def _fields(entry: ShelfEntry) -> dict[str, Any]:
    data = entry.data
    metric, best = _best(data)
    return {
        "model": _of_kind(data, "model", str),
        "dataset": _of_kind(data, "dataset", str),
        "status": _of_kind(data, "status", str),
        "epochs": _epochs_done(entry.path) if data else None,
        "planned": _of_kind(data, "epochs", int),
        "metric": metric,
        "best": best,
        "least_is_best": least_is_best(data),
        "best_epoch": _of_kind(data, "best_epoch", int),
        "beats_chance": data.get("beats_chance") if isinstance(data.get("beats_chance"), bool) else None,
        "seconds": _of_kind(data, "seconds", int | float),
        "date": _date(entry),
    }


def _differences(entries: Sequence[ShelfEntry]) -> dict[str, dict[str, str]]:
    alike: dict[tuple[str, str], list[ShelfEntry]] = defaultdict(list)
    for entry in entries:
        alike[str(entry.data.get("model")), str(entry.data.get("dataset"))].append(entry)
    found = {}
    for group in alike.values():
        differing = differing_settings([entry.data for entry in group])
        found.update({entry.name: settings for entry, settings in zip(group, differing, strict=True)})
    return found


def _best(data: Mapping[str, Any]) -> tuple[str | None, float | None]:
    """Which metric that is, and its value; None for one that is no number, and for both where nothing was measured."""
    metrics, name = data.get("validation"), metric_of(data)
    if not isinstance(metrics, dict) or not isinstance(value := metrics.get(name), int | float | None):
        return None, None
    return (name if name in metrics else None), value


def _epochs_done(run: Path) -> int:
    try:
        return read_plain(run / ROWS_FILE, most=MAX_ROWS_BYTES).count(b"\n")
    except ZooError:
        return 0  # stopped before its first epoch was done


def _date(entry: ShelfEntry) -> str | None:
    legs = entry.data.get("legs")
    for leg in itertools.islice(legs if isinstance(legs, list) else [], 1):
        if isinstance(leg, dict) and isinstance(leg.get("began"), str) and leg["began"]:
            return str(leg["began"])
    try:
        written = (entry.path / RUN_FILE).stat().st_mtime
    except OSError:
        return None
    return datetime.datetime.fromtimestamp(int(written), datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _of_kind(data: Mapping[str, Any], key: str, kind: Any) -> Any:
    value = data.get(key)
    return value if isinstance(value, kind) and not isinstance(value, bool) else None


SORTED_BY: Mapping[str, Callable[[Any], Any]] = {
    "name": lambda value: 0,  # the order in which rows come
    "model": str,
    "dataset": str,
    "epochs": float,
    "best": lambda value: -value,  # of runs of which more is better: `_best_first`
    "seconds": float,
    "date": lambda value: [-ord(character) for character in value],
}
"""The fields by which runs are sorted, and what makes their order: the best and the newest first, else ascending."""


def sort_runs(rows: Sequence[dict[str, Any]], field: str) -> list[dict[str, Any]]:
    """Rows by a field of `SORTED_BY`; those that lack it come last, and equal ones stay in the order they have."""
    known = [row for row in rows if row.get(field) is not None]
    unknown = [row for row in rows if row.get(field) is None]
    order = _best_first if field == "best" else lambda row: SORTED_BY[field](row[field])
    return [*sorted(known, key=order), *unknown]


def _best_first(row: Mapping[str, Any]) -> tuple[bool, float]:
    """Runs of which more is better, the largest first; then those of which less is, the smallest first."""
    least: bool = row["least_is_best"]
    return least, row["best"] if least else -row["best"]


def run_to_use(rows: Sequence[dict[str, Any]], *, field: str | None = None) -> dict[str, Any] | None:
    """The first finished run that is not at chance level, else the first unfinished one, else the first; None where no
    run has an epoch. Rows that are sorted by a `field` are taken in their order, others the newest first."""
    dated = [row for row in rows if row["date"] is not None]
    ordered = dated if field is not None else sort_runs(dated, "date")
    begun = [row for row in ordered if row["epochs"] and row["model"] and row["dataset"]]
    unfinished = [row for row in begun if row["status"] != "finished"]
    return next(iter([row for row in begun if is_useful(row)] or unfinished or begun), None)


def is_useful(row: Mapping[str, Any]) -> bool:
    """Whether a run is finished, and as far as is known better than chance."""
    return row["status"] == "finished" and row["beats_chance"] is not False


def run_cells(row: Mapping[str, Any]) -> list[str]:
    """The cells below `HEADER`; of a damaged run the name, and what is wrong with it."""
    if row["model"] is None:
        return [row["name"], *[""] * (len(HEADER) - 2), row["summary"]]
    epochs = str(row["epochs"])
    return [
        row["name"],
        row["model"],
        row["dataset"] or "",
        epochs if row["status"] == "finished" else f"{epochs} of {row['planned'] or '?'}",
        _best_in_words(row),
        "" if row["seconds"] is None else f"{row['seconds']:.1f}",
        _local(row["date"]),
        " ".join(f"{name}={value}" for name, value in row["differs"].items()),
    ]


def _best_in_words(row: Mapping[str, Any]) -> str:
    if row["metric"] is None:
        return ""
    return f"{row['metric']} nan" if row["best"] is None else f"{row['metric']} {row['best']:.4f}"


def _local(date: str | None) -> str:
    try:
        return datetime.datetime.fromisoformat(date or "").astimezone().strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return date or ""
