"""What the record of a run keeps of the plan of its training."""

from __future__ import annotations

import dataclasses

from zoo_core.records import RunInfo
from zoo_core.training.training_plan import TrainingPlan


def with_plan(info: RunInfo, made: TrainingPlan) -> RunInfo:
    """The record with a plan. What was left to be decided is decided among its options, for resuming and for whoever
    trains the same again; options that a run of before does not know are none of it. The reasons are those of its
    beginning."""
    decided = {name: value for name, value in made.options.items() if name in info.config}
    plan = {**made.to_json(), "why": info.plan.get("why", dict(made.why))}
    return dataclasses.replace(info, config={**info.config, **decided}, plan=plan)
