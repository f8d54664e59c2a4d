"""`zoo train --find-lr`: which learning rate suits, in a table and a picture; leaves no run."""

from __future__ import annotations

import dataclasses
import itertools
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core.commands.common import note, print_json, say, typed

if TYPE_CHECKING:
    from zoo_core.registry import Zoo


def show_rates(zoo: Zoo, asked: Mapping[str, Any], picture: Path, *, as_json: bool) -> None:
    """Try the rates, write the picture, and say what to type next."""
    from zoo_core.errors import UsageError
    from zoo_core.figures import check_picture
    from zoo_core.workflows.trainings.one_training import TrainCallbacks
    from zoo_core.workflows.trainings.rates import find_rate
    from zoo_core.workflows.trainings.rates_picture import draw_rates
    from zoo_core.workflows.trainings.train import opened
    from zoo_core.workflows.trainings.train_plan import TrainRequest

    if wrong := [
        f"--{name.replace('_', '-')}"
        for name in ("resume", "dry_run", "time_budget", "folds", "prove_resume")
        if asked[name]
    ]:
        raise UsageError(f"--find-lr trains nothing, and {wrong[0]} says how", hint="give one of the two")
    check_picture(picture, asked_by="zoo train --find-lr")
    request = TrainRequest(**{each.name: asked[each.name] for each in dataclasses.fields(TrainRequest)})
    training = opened(zoo, request, download=asked["download"], callbacks=TrainCallbacks(on_note=note))
    search, info = find_rate(training), training.plan.info
    draw_rates(search, picture, title=f"{info.model} on {info.dataset}")
    if as_json:
        print_json({**search.to_json(), "picture": str(picture)})
        return
    for trial in search.trials:
        loss = "no number any more" if trial.loss is None else f"{trial.loss:.4f}"
        say(f"  lr {trial.rate:<10g} loss {loss}")
    say(f"Picture: {picture}")
    if search.suggested is None:
        say("No rate made the loss smaller: look at the data, or at the model with zoo doctor.")
        return
    say(f"Next: {_with_rate(search.suggested)}")


def _with_rate(rate: float) -> str:
    """The very command that is running, with a learning rate in place of the search for one."""
    kept: list[str] = []
    skip = False
    for word, following in itertools.pairwise((*sys.argv[1:], "")):
        if skip:
            skip = False
        elif word == "--find-lr" or (word == "-t" and following.startswith("lr=")):
            skip = True
        elif not word.startswith("--find-lr="):
            kept.append(word)
    return typed(*kept, "-t", f"lr={rate:g}")
