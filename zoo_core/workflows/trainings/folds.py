"""Cross-validation: a training for each fold, and by how much their measures spread."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoo_core.errors import UsageError
from zoo_core.records import Record, RunInfo
from zoo_core.registry import Zoo
from zoo_core.shelf import RUNS, folder_name, is_free, is_run
from zoo_core.training.run import Run, load_run


@dataclass(frozen=True, kw_only=True)
class Spread(Record):
    """One metric over the folds: the mean, the standard deviation (of n - 1), and each value; NaN where a fold has
    none."""

    mean: float
    std: float
    values: tuple[float, ...]


def fold_runs(zoo: Zoo, asked: Mapping[str, Any], *, count: int) -> Iterator[dict[str, Any]]:
    """What is asked for each fold: the arguments of `train` for the rest of its run. A finished one has no rest.

    Runs are called NAME-fold-1 and so on. With `resume` those that are there go on, and others are begun. Raises
    UsageError for what makes no sense with folds, and for runs of these names without `resume`.
    """
    for option in ("dry_run", "overfit", "time_budget", "prove_resume"):
        if asked[option]:
            raise UsageError(f"--folds and --{option.replace('_', '-')} are not for one another", hint="one of the two")
    if taken := [key for key in ("val_fold", "val_size") if key in asked["data"]]:
        raise UsageError("--folds says what is for validation", hint=f"leave out -d {taken[0]}")
    name = fold_name(zoo, asked)
    paths = [RUNS / f"{name}-fold-{number}" for number in range(1, count + 1)]
    if not asked["resume"] and (there := [path.name for path in paths if not is_free(path)]):
        raise UsageError(
            f"run {there[0]!r} exists", hint="another name with --run, or --resume to go on with the folds"
        )
    for number, path in enumerate(paths, start=1):
        resume = is_run(path)
        if resume and load_run(path).info.status == "finished":
            continue
        data = {**asked["data"], "val_fold": f"{number}/{count}"}
        rest = {key: value for key, value in asked.items() if key != "prove_resume"}
        yield {**rest, "data": data, "run": path.name, "resume": resume}


def fold_name(zoo: Zoo, asked: Mapping[str, Any]) -> str:
    """What the names of all these runs begin with: the one that was typed, or that of the model and the data."""
    if asked["run"] is not None:
        return folder_name(asked["run"])
    return folder_name(f"{zoo.model(asked['model']).name}-{zoo.dataset(asked['dataset']).name}")


def spreads(runs: Sequence[Run], *, part: Callable[[RunInfo], Mapping[str, float] | None]) -> dict[str, Spread]:
    """Each metric of a part that all runs were measured on; nothing where one was not."""
    measured = [part(run.info) for run in runs]
    if any(each is None for each in measured):
        return {}
    found = [each for each in measured if each is not None]
    names = [name for name in found[0] if all(name in each for each in found)]
    return {name: _spread([each[name] for each in found]) for name in names}


def _spread(values: Sequence[float]) -> Spread:
    if not all(map(math.isfinite, values)):
        return Spread(mean=math.nan, std=math.nan, values=tuple(values))
    return Spread(mean=statistics.fmean(values), std=statistics.stdev(values), values=tuple(values))
