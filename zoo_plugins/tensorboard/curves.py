"""What a run's events become in TensorBoard: curves by metric, hyperparameters as text.

One file for a run, one record for an epoch, appended and closed: a training that is killed leaves whole records, and
one that is resumed goes on in the same file. An epoch that is there already is not written again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from zoo_core import EpochRow, RunInfo, TrainResult, ZooError, load_run

from .events import append_scalars, last_step, start_file

FOLDER = "tensorboard"
_FILE = "events.out.tfevents.0.zoo"
_RUNS = Path("runs")
_LEFT_OUT = ("validation", "test", "seconds", "best_epoch", "status", "classes")
"""Facts of a run that are results, or long."""


def write_epoch(run: RunInfo, row: EpochRow) -> None:
    """Append an epoch: `loss/train`, `loss/validation` and so on, and `learning_rate`; the step is the epoch.

    Epochs that are missing, from before it was switched on or from a training that was killed, are written first.
    Raises ZooError without the package tensorboard, or where the run's folder is not below the current one.
    """
    path = _file_of(run)
    known = last_step(path)
    if known is None:
        start_file(path, texts=dict(_texts(run)))
        known = 0
    rows = (row,) if row.epoch <= known + 1 else load_run(_RUNS / run.name).rows
    for each in rows:
        if known < each.epoch <= row.epoch:
            append_scalars(path, step=each.epoch, scalars=dict(_scalars(each)))


def write_test(run: RunInfo, result: TrainResult) -> None:
    """Append the measures on the test split, `accuracy/test`, at the best epoch. Raises as `write_epoch`."""
    path = _file_of(run)
    if run.test and last_step(path) is not None:
        scalars = {f"{name}/test": value for name, value in run.test.items()}
        append_scalars(path, step=result.best_epoch, scalars=scalars)


def _file_of(run: RunInfo) -> Path:
    folder = _RUNS / run.name
    if not folder.is_dir():
        raise ZooError(f"run {run.name!r} is not in {_RUNS}/: its curves are not written for TensorBoard")
    return folder / FOLDER / _FILE


def _scalars(row: EpochRow) -> Iterator[tuple[str, float]]:
    # TensorBoard puts what is before the slash into one group: training beside validation.
    for split, measures in (("train", row.train), ("validation", row.validation)):
        yield from ((f"{name}/{split}", value) for name, value in measures.items())
    yield "learning_rate", row.learning_rate
    yield "seconds", row.seconds


def _texts(run: RunInfo) -> Iterator[tuple[str, str]]:
    facts = {name: value for name, value in run.to_json().items() if name not in _LEFT_OUT}
    yield "run", _table({name: value for name, value in facts.items() if not isinstance(value, dict)})
    yield from ((name, _table(value)) for name, value in facts.items() if isinstance(value, dict) and value)


def _table(facts: Mapping[str, object]) -> str:
    """A table in Markdown, which TensorBoard shows as such."""
    rows = [f"| {name} | {json.dumps(value, ensure_ascii=False)} |" for name, value in facts.items()]
    return "\n".join(["| name | value |", "| --- | --- |", *rows])
