"""`zoo train --folds N`: a run for each fold, and how far their measures spread."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo_core.commands.common import note, print_json, say, typed

from .train_watched import watched_training

if TYPE_CHECKING:
    from zoo_core.registry import Zoo


def train_folds(zoo: Zoo, asked: Mapping[str, Any], count: int, *, as_json: bool) -> None:
    """Train on every fold that is not done, and show the mean and the spread of all."""
    from zoo_core.shelf import RUNS
    from zoo_core.training.run import load_run
    from zoo_core.workflows.trainings.folds import fold_name, fold_runs, spreads
    from zoo_core.workflows.trainings.train import run_report
    from zoo_core.workflows.unmeasured import refuse_unmeasured

    name = fold_name(zoo, asked)
    words = sys.argv[1:]
    again = typed(*words, *([] if "--resume" in words else ["--resume"]))
    for rest in fold_runs(zoo, asked, count=count):
        note(f"Fold {rest['data']['val_fold']}")
        watched_training(zoo, rest, as_json=as_json, again=again)
    runs = [load_run(RUNS / f"{name}-fold-{number}") for number in range(1, count + 1)]
    parts = {"validation": spreads(runs, part=lambda info: info.validation)}
    parts["test"] = spreads(runs, part=lambda info: info.test)
    if as_json:
        told = {part: {metric: each.to_json() for metric, each in found.items()} for part, found in parts.items()}
        print_json({"folds": [run_report(run) for run in runs], **told})
    else:
        say(f"{name}: {count} folds, mean ± standard deviation")
        for part, found in parts.items():
            for metric, each in found.items():
                values = "  ".join(f"{value:.4f}" for value in each.values)
                say(f"  {part:<11} {metric:<12} {each.mean:.4f} ± {each.std:.4f}    {values}")
        say(f"Next: {typed('list', 'runs', f'{name}-fold-*')}")
    means = {part: {metric: each.mean for metric, each in found.items()} for part, found in parts.items()}
    refuse_unmeasured(means, shown=f"the folds of {name!r}", kept="their runs are finished, and are kept")
