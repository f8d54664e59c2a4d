"""Which learning rate suits: the first steps of a training at many of them, each from the same weights."""

from __future__ import annotations

import copy
import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from zoo_core.errors import UsageError
from zoo_core.records import EpochRow, Record
from zoo_core.training.diverged import DivergedError

from .one_training import Training

STEPS = 30
"""Steps at each rate."""

DECADES, A_DECADE = (-3, 2), 2
"""From a thousandth of the rate that is set to a hundred times as much, so many rates for each factor of ten."""

ENOUGH = 0.9
"""The suggested rate is the lowest that goes so much of the way down that the best one goes."""


@dataclass(frozen=True, kw_only=True)
class RateTrial(Record):
    """The loss on the samples that were trained on, after `STEPS` steps at a rate; None where it was no number."""

    rate: float
    loss: float | None


@dataclass(frozen=True, kw_only=True)
class RateSearch(Record):
    """What came of each rate, the lowest first, and the one that is suggested; None where none did any good."""

    trials: tuple[RateTrial, ...]
    suggested: float | None


def find_rate(training: Training) -> RateSearch:
    """Try the rates. Nothing is kept. Raises UsageError for a trainer that has no option `lr`."""
    plan = training.plan
    config = plan.config
    usual = getattr(config, "lr", None)
    if not isinstance(usual, float):
        raise UsageError(f"trainer {plan.trainer.name} has no learning rate to be found", hint="leave out --find-lr")
    if "schedule" in plan.info.config:
        config = dataclasses.replace(
            config, schedule="constant", **({"warmup": 0} if "warmup" in plan.info.config else {})
        )
    training = training.begun(module := training.build())
    first = copy.deepcopy(module.state_dict())
    samples = training.splits["train"]
    count = min(len(samples), STEPS * int(getattr(config, "batch_size", 1)))
    few = samples.at(np.linspace(0, len(samples) - 1, count).astype(np.int64))
    training = dataclasses.replace(training, splits={"train": few, "validation": few}, quiet=True)
    trials = []
    for exponent in range(DECADES[0] * A_DECADE, DECADES[1] * A_DECADE + 1):
        rate = float(f"{usual * 10 ** (exponent / A_DECADE):.3g}")
        module.load_state_dict(first)
        job = dataclasses.replace(training.job(module, None), epochs=1, config=dataclasses.replace(config, lr=rate))
        rows: list[EpochRow] = []
        try:
            with training.plugin_errors():
                plan.trainer.spec.fit(job, on_epoch=rows.append)
        except DivergedError:
            rows = []
        trials.append(RateTrial(rate=rate, loss=_loss(rows)))
    return RateSearch(trials=tuple(trials), suggested=suggested(trials))


def suggested(trials: list[RateTrial]) -> float | None:
    """The lowest rate that goes `ENOUGH` of the way from the loss at the lowest rate to the lowest loss."""
    told = [(trial.rate, trial.loss) for trial in trials if trial.loss is not None]
    if not told:
        return None
    start, least = told[0][1], min(loss for _, loss in told)
    if least >= start:
        return None
    return next(rate for rate, loss in told if loss <= start - ENOUGH * (start - least))


def _loss(rows: list[EpochRow]) -> float | None:
    if not rows:
        return None
    loss = {**rows[-1].train, **rows[-1].validation}.get("loss", math.nan)
    return loss if math.isfinite(loss) else None
