"""What a run goes on from; where that is damaged or gone, what is left of it and how to go on all the same."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core.errors import ZooError
from zoo_core.foreign_text import shell_word
from zoo_core.options import Option, typed_value
from zoo_core.records import RunInfo
from zoo_core.registry import Dataset, Model, Trainer, warn
from zoo_core.shelf import free_run_name
from zoo_core.training.directory import STATE_FILE, WEIGHTS_FILE, RunDirectory
from zoo_core.training.run import load_run
from zoo_core.training.trainer_options import DEFAULT_TRAINER, usual_options
from zoo_core.training.training_plan import TrainingPlan

if TYPE_CHECKING:
    from zoo_core.training.state import TrainState


def checkpoint_of(
    path: Path, info: RunInfo, *, called: str, model: Model, dataset: Dataset, trainer: Trainer
) -> TrainState | None:
    """What the run in `path` goes on from; None where it was stopped before there was any.

    A checkpoint that is damaged is told, and the one before it is taken. `called`: the word for the run in commands.
    Raises ZooError where none can be read, or none is there although epochs are done: its hint says what is left of the
    run, and which commands use that.
    """
    try:
        state, passed_over = RunDirectory(path).last_good()
    except ZooError as error:
        problem = error.message
    else:
        if passed_over and state is not None:
            warn(f"{passed_over}: the run goes on from the checkpoint before, after {state.where}")
        if state is not None or info.best_epoch is None:
            return state
        problem = f"checkpoint {path / STATE_FILE} is missing"
    again = _command(info, model=model, dataset=dataset, trainer=trainer)
    raise ZooError(
        f"{problem}: run {info.name!r} cannot go on from there",
        hint=f"bring the file back from a copy; or {_way_on(path, info, called=shell_word(called), again=again)}",
    )


def _way_on(path: Path, info: RunInfo, *, called: str, again: str) -> str:
    weights = path / WEIGHTS_FILE
    try:
        load_run(path).state_dict()
    except ZooError:
        return f"begin again: {again} (its best weights, {weights}, cannot be read either)"
    return (
        f"use its best weights, those of epoch {info.best_epoch}, which are whole: zoo export {called} exports them, "
        f"{again} --init-from {called} trains on from them"
    )


def _command(info: RunInfo, *, model: Model, dataset: Dataset, trainer: Trainer) -> str:
    """What trains for as many epochs with the same options, as a run of another name."""
    tensors = (*model.spec.inputs.values(), *model.spec.outputs.values())
    from_data = {name for tensor in tensors for name in (*tensor.option_axes, tensor.high_option)}
    words = ["zoo", "train", info.model, "--dataset", info.dataset, "--run", free_run_name(info.name)]
    words += ["--epochs", str(info.epochs), *([] if info.seed == 0 else ["--seed", str(info.seed)])]
    words += [] if trainer.name == DEFAULT_TRAINER else ["--trainer", trainer.name]
    words += [word for pattern in info.freeze for word in ("--freeze", pattern)]
    words += _typed("-o", info.options, usual=_defaults(model.spec.options), but=from_data)
    words += _typed("-d", info.dataset_options, usual=_defaults(dataset.spec.options))
    as_ever = {**usual_options(model, trainer, info.config), **(TrainingPlan().options if info.plan else {})}
    words += _typed("-t", info.config, usual=as_ever, but={"epochs"})
    return " ".join(map(shell_word, words))


def _defaults(options: Iterable[Option]) -> dict[str, Any]:
    return {option.name: option.default for option in options}


def _typed(flag: str, values: Mapping[str, Any], *, usual: Mapping[str, Any], but: Collection[str] = ()) -> list[str]:
    """The values that are not the usual ones, as they are typed."""
    given = {name: typed_value(value) for name, value in values.items() if name not in but}
    others = {name: text for name, text in given.items() if text != typed_value(usual.get(name))}
    return [word for name, text in others.items() for word in (flag, f"{name}={text}")]
