"""What a training will do, decided before any data are read: a new run, or the rest of an unfinished one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo_core.building import builder_options
from zoo_core.data import BoundDataset, bind_dataset
from zoo_core.environment import commit_of_working_folder, machine_kind
from zoo_core.errors import UsageError, ZooError
from zoo_core.foreign_text import shell_word
from zoo_core.matching import check_tasks, match_options
from zoo_core.offer_lookup import recorded_entry
from zoo_core.options import check_options
from zoo_core.records import RunInfo
from zoo_core.registry import Dataset, Model, Trainer, Zoo
from zoo_core.shelf import RUNS, find_run, folder_name, free_run_name, is_free
from zoo_core.task_lookup import task_plugin
from zoo_core.tasks import Task, get_task
from zoo_core.training import pick_device
from zoo_core.training.choices import AUTO
from zoo_core.training.directory import RUN_FILE, read_info
from zoo_core.training.record_seal import check_record
from zoo_core.training.run import recorded_recipes
from zoo_core.training.trainer_options import DEFAULT_TRAINER, SAME_BITS_OPTIONS, options_with_recipe
from zoo_core.workflows.same_data import require_data

from .checkpoints import checkpoint_of
from .legs import first_leg, versions_of, with_next_leg
from .resuming import refuse_contradictions, run_to_resume


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """What was asked for: names and options, as text or as values; None where nothing was said."""

    model: str
    dataset: str
    run: str | None = None
    epochs: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    trainer: str | None = None
    seed: int | None = None
    device: str | None = None
    init_from: str | None = None
    freeze: tuple[str, ...] = ()
    overfit: int | None = None
    time_budget: float | None = None
    accept_changes: bool = False


@dataclass(frozen=True, kw_only=True)
class TrainPlan:
    """What will be done. `info` is the run's record before the first step; `named`: whether its name was asked for."""

    path: Path
    named: bool = True
    info: RunInfo
    model: Model
    dataset: BoundDataset
    trainer: Trainer
    config: Any

    @property
    def task(self) -> Task:
        """What the model does."""
        return get_task(self.model.spec.task)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the model's outputs."""
        return tuple(self.model.spec.outputs)


def plan_new(zoo: Zoo, request: TrainRequest, *, replace: bool = False, download: bool = False) -> TrainPlan:
    """A new run. Raises UsageError for anything mistyped, and for an existing run unless `replace`.

    `download` allows to fetch a dataset whose recipes learn: what its inputs look like is known only then.
    """
    if request.accept_changes:
        raise UsageError("--accept-changes is for --resume", hint="leave it out")
    (model, dataset), trainer = _named(zoo, request), zoo.trainer(request.trainer or DEFAULT_TRAINER)
    path, named = _new_path(request, model, dataset, replace=replace), request.run is not None
    bound = bind_dataset(dataset, _data(request))
    config, epochs = _config(model, trainer, request)
    device = str(pick_device(request.device or AUTO))
    info = RunInfo(
        name=path.name,
        model=model.name,
        model_plugin=model.plugin,
        options=_matched(model, request, bound, download=download),
        dataset=dataset.name,
        dataset_plugin=dataset.plugin,
        dataset_options=bound.options,
        dataset_fingerprint="",
        classes=bound.class_names() or (),
        trainer=trainer.name,
        trainer_plugin=trainer.plugin,
        config=dataclasses.asdict(config),
        epochs=epochs,
        seed=request.seed or 0,
        device=device,
        init_from=request.init_from,
        freeze=request.freeze,
        overfit=request.overfit,
        selection=get_task(model.spec.task).selection,
        task_plugin=task_plugin(model.spec.task),
        versions=versions_of((model.plugin, dataset.plugin, trainer.plugin)),
        commit=commit_of_working_folder(),
        machine=machine_kind(),
    )
    info = dataclasses.replace(info, legs=(first_leg(info, zoo),))
    return TrainPlan(path=path, named=named, info=info, model=model, dataset=bound, trainer=trainer, config=config)


def _data(request: TrainRequest) -> Mapping[str, Any]:
    if request.overfit is None:
        return request.data
    if "train_size" in request.data:
        raise UsageError("--overfit says how many samples there are", hint="leave out -d train_size")
    return {**request.data, "train_size": request.overfit}


def _matched(model: Model, request: TrainRequest, bound: BoundDataset, *, download: bool) -> dict[str, Any]:
    """The builder's options for these data."""
    if download:
        builder_options(model.spec, request.options)  # what is mistyped is told before
        bound.read_to_learn(download=True)
    return match_options(
        model,
        request.options,
        dataset=bound.name,
        inputs=bound.inputs,
        num_classes=bound.num_classes,
        num_targets=bound.num_targets,
    )


def with_another_name(plan: TrainPlan) -> TrainPlan:
    """The same training under the next default name that is free."""
    path = _default_path(plan.model, plan.dataset.name)
    return dataclasses.replace(plan, path=path, info=dataclasses.replace(plan.info, name=path.name))


def plan_resumed(zoo: Zoo, request: TrainRequest) -> TrainPlan:
    """The rest of an unfinished run, or more epochs for a run.

    Raises UsageError if there is none or if the request contradicts it, ZooError if the checkpoint is damaged or if a
    plugin has changed.
    """
    _check_recorded(zoo, request)
    model, dataset = _named(zoo, request)
    path, info = run_to_resume(request.run, model=model, dataset=dataset, epochs=request.epochs)
    info = dataclasses.replace(info, name=path.resolve().name)  # the folder may have been renamed since
    trainer = zoo.trainer(recorded_entry(zoo, "trainer", info.trainer, plugin=info.trainer_plugin).qualified)
    added = request.epochs if (request.epochs or 0) > info.epochs else None
    _refuse(request, info, model=model, dataset=dataset, trainer=trainer)
    pick_device(info.device)
    data = {**info.dataset_options, **_moved(request)}
    bound = bind_dataset(dataset, data, recipes=recorded_recipes(info), left_out=info.skipped)
    # An option of datasets that the run is older than is no part of it: its record is sealed as it was.
    data = {name: value for name, value in bound.options.items() if name in info.dataset_options}
    info = dataclasses.replace(info, dataset_options=data)
    require_data(bound, shown=f"run {info.name!r}", again=f"{_going_on(request, info)} -d root=DIR")
    called = request.run or info.name
    state = checkpoint_of(path, info, called=called, model=model, dataset=dataset, trainer=trainer)
    check_record(info, None if state is None else state.record, file=path / RUN_FILE)
    info = with_next_leg(info, state, zoo, epochs=added, accept_changes=request.accept_changes)
    if added is not None and "epochs" in info.config:
        info = dataclasses.replace(info, config={**info.config, "epochs": added})
    info = dataclasses.replace(info, config={**info.config, **_changed_freely(request, trainer)})
    config = trainer.spec.config(**check_options(info.config, trainer.spec.options, where=f"run {info.name!r}"))
    return TrainPlan(path=path, info=info, model=model, dataset=bound, trainer=trainer, config=config)


def _check_recorded(zoo: Zoo, request: TrainRequest) -> None:
    """Raise ZooError where what was typed is what the run has, and its plugin is gone: the name is no unknown one."""
    try:
        info = read_info(find_run(request.run or ""))
    except ZooError:
        return  # which is told where the run is looked up
    if request.model == info.model:
        recorded_entry(zoo, "model", info.model, plugin=info.model_plugin)
    if request.dataset == info.dataset:
        recorded_entry(zoo, "dataset", info.dataset, plugin=info.dataset_plugin)


def _moved(request: TrainRequest) -> dict[str, Any]:
    """Where the data lie now, if that is said: it is not what they are, which their fingerprint proves."""
    return {key: value for key, value in request.data.items() if key == "root"}


def _changed_freely(request: TrainRequest, trainer: Trainer) -> dict[str, Any]:
    """The trainer's options that were typed and may be others than before."""
    config = check_options(request.config, trainer.spec.options, where=f"trainer {trainer.name}")
    return {key: value for key, value in config.items() if key in SAME_BITS_OPTIONS}


def _going_on(request: TrainRequest, info: RunInfo) -> str:
    longer = "" if request.epochs is None else f" --epochs {request.epochs}"
    run = shell_word(request.run or info.name)
    return f"zoo train {info.model} --dataset {info.dataset} --run {run} --resume{longer}"


def _named(zoo: Zoo, request: TrainRequest) -> tuple[Model, Dataset]:
    model, dataset = zoo.model(request.model), zoo.dataset(request.dataset)
    check_tasks(model.spec.task, model=f"model {model.name!r}", dataset=dataset.name, dataset_task=dataset.spec.task)
    return model, dataset


def _new_path(request: TrainRequest, model: Model, dataset: Dataset, *, replace: bool) -> Path:
    if request.run is None:
        return _default_path(model, dataset.name)
    if "/" in request.run:
        raise UsageError(
            f"--run {request.run!r}: a new run has a name, not a path; it is kept in {RUNS}/",
            hint=f"--run {shell_word(folder_name(request.run))}",
        )
    path = RUNS / folder_name(request.run)
    if not is_free(path) and not replace:
        raise UsageError(
            f"run {request.run!r} exists", hint="another name, or --resume to go on with an unfinished run"
        )
    return path


def _default_path(model: Model, dataset: str) -> Path:
    return RUNS / free_run_name(folder_name(f"{model.name}-{dataset}"))


def _config(model: Model, trainer: Trainer, request: TrainRequest) -> tuple[Any, int]:
    where = f"trainer {trainer.name}"
    suits = trainer.name == DEFAULT_TRAINER
    given = (
        options_with_recipe(model, trainer, request.config)
        if suits
        else check_options(request.config, trainer.spec.options, where=where)
    )
    named = {option.name for option in trainer.spec.options}
    if request.epochs is not None:
        if "epochs" in request.config:
            raise UsageError("epochs is given twice, with --epochs and with -t epochs")
        if request.epochs < 1:
            raise UsageError(f"--epochs takes 1 or more, not {request.epochs}")
        if "epochs" in named:
            given["epochs"] = request.epochs
    if missing := [option.name for option in trainer.spec.options if option.required and option.name not in given]:
        raise UsageError(f"{where} needs {', '.join(missing)}", hint=" ".join(f"-t {name}=..." for name in missing))
    try:
        config = trainer.spec.config(**given)
    except (ValueError, TypeError) as error:
        raise UsageError(f"{where}: {error}") from error
    epochs = request.epochs or getattr(config, "epochs", None)
    if epochs is None:
        raise UsageError(f"{where} has no number of epochs of its own", hint="--epochs N")
    return config, int(epochs)


def _refuse(request: TrainRequest, info: RunInfo, *, model: Model, dataset: Dataset, trainer: Trainer) -> None:
    spec = model.spec
    options = check_options(request.options, spec.options, where=f"model {model.name}", renamed=spec.renamed)
    moved = _moved(request)
    divided = {key: value for key, value in request.data.items() if key not in moved}
    data = check_options(divided, dataset.spec.options, where=f"dataset {dataset.name}")
    config = check_options(request.config, trainer.spec.options, where=f"trainer {trainer.name}")
    config = {key: value for key, value in config.items() if key not in SAME_BITS_OPTIONS}
    typed = {
        "seed": request.seed,
        "device": None if request.device == AUTO else request.device,
        "trainer": request.trainer,
        "init-from": request.init_from,
        "freeze": request.freeze or None,
        "overfit": request.overfit,
    }
    recorded = {
        "seed": info.seed,
        "device": info.device,
        "trainer": info.trainer,
        "init-from": info.init_from,
        "freeze": info.freeze,
        "overfit": info.overfit,
    }
    refuse_contradictions(
        info,
        {
            "--": (typed, recorded),
            "-o": (options, info.options),
            "-d": (data, info.dataset_options),
            "-t": (config, info.config),
        },
    )
