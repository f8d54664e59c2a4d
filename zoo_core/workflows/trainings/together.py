"""Several processes that train together: what is refused before they begin, and what the others do beside the first."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core.errors import UsageError, ZooError
from zoo_core.records import counted
from zoo_core.training.directory import STATE_FILE, RunDirectory
from zoo_core.training.distributed.process_rank import Place
from zoo_core.training.distributed.world import BEGUN, World

from .train_plan import TrainPlan

if TYPE_CHECKING:
    from torch import nn
    from torch.distributed import Store  # type: ignore[attr-defined]

    from zoo_core.records import RunInfo
    from zoo_core.training.state import TrainState

    from .one_training import Training


def check_together(asked: Mapping[str, Any]) -> None:
    """Raise UsageError for what is of one process alone. `asked`: the arguments of `train`, or those of the command."""
    alone = {
        "dry_run": "a dry run is one batch in one process",
        "time_budget": "how long an epoch takes is measured by one process; give --epochs",
        "find_lr": "rates are tried by one process; batch and weights are the same, and so is the rate",
        "folds": "each fold is a training of its own; start one with -d val_fold=1/5 and so on",
        "prove_resume": "it kills and resumes one process; benchmarks/distributed.py does it with several",
        "replace": "processes that were started anew would replace what they had begun",
    }
    if wrong := [(name, why) for name, why in alone.items() if asked.get(name)]:
        name, why = wrong[0]
        raise UsageError(f"--{name.replace('_', '-')} does not go with several processes: {why}", hint="leave it out")


def check_plan(plan: TrainPlan, place: Place) -> None:
    """Raise UsageError for a plan that several processes cannot share."""
    if not plan.trainer.spec.several_processes:
        raise UsageError(
            f"trainer {plan.trainer.name} trains in one process: each of {place.size} would train a model of its own",
            hint="leave out --processes; its plugin says several_processes=True where its loop shares batches",
        )
    if getattr(plan.config, "shard", False) and getattr(plan.config, "precision", "") == "fp16":
        raise UsageError(
            "precision=fp16 and shard=true are not for one another: each process would scale its own part",
            hint="-t precision=bf16",
        )
    if ":" in plan.info.device:
        raise UsageError(
            f"device {plan.info.device} is one, and each of {place.size} processes takes one of its own",
            hint=f"--device {plan.info.device.partition(':')[0]}",
        )
    batch = getattr(plan.config, "batch_size", None)
    if isinstance(batch, int) and batch < 2 * place.size:
        raise UsageError(
            f"batch_size={batch} is of all {place.size} processes together, and each needs at least two samples of it",
            hint=f"-t batch_size={2 * place.size} or more",
        )


def begun_before(store: Store, place: Place) -> str | None:
    """The run that these processes had begun before torchrun started them anew; they go on with it."""
    return store.get(BEGUN).decode() if place.restarts and store.check([BEGUN]) else None


def plan_for(plan: TrainPlan, *, processes: int, backend: str, on_note: Callable[[str], None]) -> TrainPlan:
    """The plan, with a record that says how many processes follow it; where there were others before, that is told."""
    if processes != (before := plan.info.processes) and plan.info.best_epoch is not None:
        now = f"{counted(processes, 'process')} now, {before} before"
        on_note(f"Processes: {now}. The steps are the same but for rounding")
    return dataclasses.replace(plan, info=dataclasses.replace(plan.info, processes=processes, backend=backend))


def check_same_data(world: World, fingerprints: Mapping[str, str]) -> None:
    """Raise ZooError where this process has read other data than the first one."""
    theirs = world.told(dict(fingerprints))
    if theirs != fingerprints:
        raise ZooError(
            f"process {world.rank} reads other data than the first one",
            hint="every machine needs the same files: one folder that all of them see, or copies of it",
        )


def tell_others(training: Training, directory: RunDirectory, state: TrainState | None) -> None:
    """Tell the other processes what the run begins with: its record, where it is, and what it goes on from."""
    world, folder = training.world, (directory.path / STATE_FILE).parent.absolute()
    world.begun(training.plan.info.name, folder)
    world.told((training.plan.info, folder, state if state is None else dataclasses.replace(state, best={})))


def follow(training: Training, module: nn.Module) -> RunInfo:
    """Train with the first process, which alone knows what there was before, and writes what comes of it."""
    told: tuple[RunInfo, Path, TrainState | None] = (training.plan.info, Path(), None)
    info, folder, state = training.world.told(told)
    training.world.begun(info.name, folder)
    begun = training.begun(module) if state is None else training
    with training.plugin_errors():
        training.plan.trainer.spec.fit(begun.job(module, None, state), on_epoch=lambda row: None)
    return info
