"""What is said of a training that some code has ended: whose code it is, and where."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo_core.errors import UsageError, ZooError
from zoo_core.installation import CORE
from zoo_core.plugin_faults import code_of, plugin_line, plugin_module, who_mends, wrong_result
from zoo_core.records import TrainResult
from zoo_core.registry import Trainer, Zoo
from zoo_core.shelf import is_free, is_run
from zoo_core.training.directory import RunDirectory, read_info
from zoo_core.training.diverged import DivergedError, with_what_is_kept

from .train_plan import TrainPlan


def failed_training(error: BaseException, plan: TrainPlan, zoo: Zoo) -> ZooError:
    """The error for what was raised while a plan was trained; where no plugin's line was on the way, the trainer, which
    calls everything, is named."""
    reason = str(error).strip().partition("\n")[0]
    if not isinstance(error, RuntimeError | ValueError):  # torch's own complaints need no name
        reason = f"{type(error).__name__}: {reason}".removesuffix(": ")
    place = plugin_line(error)
    whose, plugin = _whose(plugin_module(error), plan, zoo)
    at = f"{whose}, at {place}" if place else whose
    if plugin.partition(":")[0] != CORE:
        at += f"; {who_mends(plugin, error, code=code_of(plan.trainer.spec.fit))}"
    return ZooError(
        f"training {plan.info.model} failed: {reason}",
        hint=f"{at}; ZOO_DEBUG=1 shows {'all of it' if place else 'where'}",
    )


@contextlib.contextmanager
def no_empty_run(directory: RunDirectory, *, kept: bool) -> Iterator[None]:
    """A run that fails before it is saved has nothing to keep, and is removed, as one is that diverges in its first
    epoch; one that was stopped or has diverged later can be resumed or exported. `kept`: the folder stays, which that
    of a dry run does not."""
    try:
        yield
    except Exception as error:
        empty = directory.is_empty or (isinstance(error, DivergedError) and not directory.has_epoch)
        if empty:
            shutil.rmtree(directory.path, ignore_errors=True)
        if not isinstance(error, DivergedError):
            raise
        best = None if empty or not kept else read_info(directory.path).best_epoch
        raise with_what_is_kept(error, directory.path, best=best) from error


def _whose(module: str, plan: TrainPlan, zoo: Zoo) -> tuple[str, str]:
    """What that module belongs to, in words, and the plugin: of the model, the data or the trainer."""
    info = plan.info
    parts = {
        info.trainer_plugin: f"trainer {info.trainer}",
        info.dataset_plugin: f"dataset {info.dataset}",
        info.model_plugin: f"model {info.model}",
    }
    owners = [plugin for plugin in zoo.plugins if f"{module}.".startswith(f"{plugin.module}.")]
    owner = max(owners, key=lambda plugin: len(plugin.module), default=None)
    plugin = info.trainer_plugin if owner is None else owner.id
    called = parts.get(plugin)
    return (f"{called} of {plugin}" if called else f"plugin {plugin}"), plugin


def checked_result(result: Any, trainer: Trainer) -> TrainResult:
    """What the trainer's `fit` has returned. Raises ZooError, with its line, where that is no TrainResult."""
    if isinstance(result, TrainResult):
        return result
    found = "nothing" if result is None else f"a {type(result).__name__}"
    raise wrong_result(
        f"trainer {trainer.name} of plugin {trainer.plugin}, in fit",
        f"it returns {found}, not a TrainResult, such as loop.fit gives",
        plugin=trainer.plugin,
        code=code_of(trainer.spec.fit),
    )


def remove_run(path: Path) -> None:
    """The whole run goes in one step: a process that is killed while it removes files leaves none of that name."""
    if is_free(path):
        return
    if not is_run(path):
        raise UsageError(f"{path} exists and is not a run", hint="another name with --run")
    hint = "another name with --run, or wait for it"
    RunDirectory(path).remove(busy=UsageError(f"{path} is being replaced by another process", hint=hint))
