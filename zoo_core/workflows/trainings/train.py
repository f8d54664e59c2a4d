"""Training from names to a finished run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from zoo_core.data import Feeding
from zoo_core.errors import UsageError, ZooError
from zoo_core.records import RunInfo, counted, to_plain
from zoo_core.registry import Zoo
from zoo_core.training.distributed.process_rank import Place, place_here
from zoo_core.training.extras import need_torch
from zoo_core.training.run import Run

from .begun_with import remarks_on_weights
from .dry_run import dry_run as dried
from .one_training import TrainCallbacks, Training
from .together import begun_before, check_plan, check_same_data, check_together, plan_for
from .train_plan import TrainPlan, TrainRequest, plan_new, plan_resumed


def train(
    zoo: Zoo,
    *,
    model: str,
    dataset: str,
    run: str | None = None,
    epochs: int | None = None,
    options: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    trainer: str | None = None,
    seed: int | None = None,
    device: str | None = None,
    init_from: str | None = None,
    freeze: Sequence[str] = (),
    overfit: int | None = None,
    time_budget: float | None = None,
    download: bool = False,
    dry_run: bool = False,
    resume: bool = False,
    accept_changes: bool = False,
    replace: bool = False,
    callbacks: TrainCallbacks | None = None,
) -> RunInfo:
    """Train a model on a dataset; the record of the finished run.

    `run`: default MODEL-DATASET, then -2, ...; an existing one is an error unless `resume` or `replace`. `resume`: an
    unfinished run goes on, and each can get more `epochs`; with `accept_changes` although plugins have changed.
    `options`, `data`, `config`: of model, dataset, trainer, as text or values. `init_from`: weights to begin with;
    `freeze`: patterns of what is not trained. `overfit`: train and validate on so many samples alone. `time_budget`:
    seconds in place of `epochs`. `dry_run`: one batch, no run. Raises UsageError for what was mistyped, ZooError else.
    """
    need_torch("training")
    asked = TrainRequest(model=model, dataset=dataset, run=run, epochs=epochs, trainer=trainer, seed=seed)
    asked = dataclasses.replace(asked, device=device, options=options or {}, data=data or {}, config=config or {})
    asked = dataclasses.replace(asked, init_from=init_from, freeze=tuple(freeze), accept_changes=accept_changes)
    asked = dataclasses.replace(asked, overfit=overfit, time_budget=time_budget)
    how = _How(resume=resume, replace=replace, dry_run=dry_run, download=download)
    return _trained(zoo, asked, how, callbacks or TrainCallbacks())


@dataclasses.dataclass(frozen=True, kw_only=True)
class _How:
    """As the arguments of `train`."""

    resume: bool
    replace: bool
    dry_run: bool
    download: bool


def _trained(zoo: Zoo, request: TrainRequest, how: _How, callbacks: TrainCallbacks) -> RunInfo:
    """The record of what was asked for, trained in this process, or in this one and others."""
    if (place := place_here()) is not None and place.size > 1:
        check_together({"time_budget": request.time_budget, **dataclasses.asdict(how)})
        return _train_together(zoo, request, place, how, callbacks)
    replace = how.replace or how.dry_run
    training = opened(zoo, request, resume=how.resume, replace=replace, download=how.download, callbacks=callbacks)
    return dried(training) if how.dry_run else training.run(new=not how.resume, replace=how.replace)


def opened(
    zoo: Zoo,
    request: TrainRequest,
    *,
    resume: bool = False,
    replace: bool = False,
    download: bool = False,
    callbacks: TrainCallbacks | None = None,
) -> Training:
    """What was asked for, with its data at hand; nothing is built or written yet. Raises as `train`."""
    if resume and replace:
        raise UsageError("a run is resumed, replaced or only tried (a dry run): give one of the three")
    if request.time_budget is not None and (resume or request.epochs is not None or "epochs" in request.config):
        raise UsageError("a time says how many epochs there are", hint="leave out one of --time-budget and --epochs")
    plan = plan_resumed(zoo, request) if resume else plan_new(zoo, request, replace=replace, download=download)
    callbacks = callbacks or TrainCallbacks()
    plan = plan_for(plan, processes=1, backend="", on_note=callbacks.on_note)
    training = _open_training(zoo, plan, callbacks, download=download)
    return dataclasses.replace(training, time_budget=request.time_budget)


def _train_together(zoo: Zoo, request: TrainRequest, place: Place, how: _How, callbacks: TrainCallbacks) -> RunInfo:
    """As `train`, in one of several processes."""
    resume, download = how.resume, how.download
    from zoo_core.training.distributed.joined_group import backend_for, joined
    from zoo_core.training.distributed.meeting import store_of

    store = store_of(place)
    if (name := begun_before(store, place)) is not None:
        request, resume = dataclasses.replace(request, run=name), True
    plan = plan_resumed(zoo, request) if resume else plan_new(zoo, request, download=download)
    check_plan(plan, place)
    backend = backend_for(plan.info.device)
    plan = plan_for(plan, processes=place.size, backend=backend, on_note=callbacks.on_note)
    with joined(place, store, device=plan.info.device, shard=getattr(plan.config, "shard", False)) as world:
        with world.in_turn():
            training = _open_training(zoo, plan, callbacks, download=download)
        check_same_data(world, training.plan.info.part_fingerprints)
        return dataclasses.replace(training, world=world).run(new=not resume, replace=False)


def run_report(run: Run) -> dict[str, Any]:
    """A finished run as `zoo train --json` prints it; with a resume certificate and an export where they were asked
    for."""
    info = run.info
    certificate = to_plain(info.resume_certificate)
    return {
        "run": run.name,
        "epochs": len(run.rows),
        "seconds": info.seconds,
        "validation": to_plain(info.validation),
        "test": to_plain(info.test),
        "beats_chance": info.beats_chance,
        "remarks": list(info.remarks),
        **({} if certificate is None else {"resume_certificate": certificate}),
        **({} if info.best_export is None else {"export": to_plain(info.best_export)}),
    }


def _open_training(zoo: Zoo, plan: TrainPlan, callbacks: TrainCallbacks, *, download: bool) -> Training:
    splits = plan.dataset.load_all(download=download, feeding=_feeding(plan.config))
    samples, info = splits["train"], plan.info
    if info.overfit is not None:
        splits = {"train": samples, "validation": samples}
    parts = {name: part.fingerprint for name, part in splits.items()}
    # The test part may grow: nothing was chosen by it.
    known = {name: text for name, text in info.fingerprints.items() if text and name != "test"}
    if any(parts.get(name) != text for name, text in known.items()):
        raise ZooError(
            f"the data of {info.dataset!r} have changed since run {info.name!r} was started",
            hint="start another run with --run, or say where the data lie that it was started with: -d root=DIR",
        )
    classes = tuple(samples.classes or info.classes)
    skipped = tuple(name for part in splits.values() for name in plan.dataset.skipped(part))
    info = dataclasses.replace(info, dataset_fingerprint=samples.fingerprint, part_fingerprints=parts)
    info = dataclasses.replace(info, classes=classes, skipped=skipped)
    recipes = {name: recipe.to_json() for name, recipe in plan.dataset.recorded_recipes.items()}
    info = dataclasses.replace(info, recipes=recipes)
    weights = (*remarks_on_weights(zoo, info, plan.dataset, splits), *_on_purpose(info))
    splits = {name: part.for_model(plan.model.spec.inputs) for name, part in splits.items()}
    plan = dataclasses.replace(plan, info=info)
    return Training(zoo=zoo, plan=plan, splits=splits, callbacks=callbacks, on_weights=weights)


def _feeding(config: Any) -> Feeding:
    """Where samples shall lie: what a trainer with options of these names is told, else what there is room for."""
    return Feeding(kind=getattr(config, "feed", "auto"), workers=getattr(config, "workers", None))


def _on_purpose(info: RunInfo) -> tuple[str, ...]:
    """What is to be known of a run whose samples are all there is."""
    if info.overfit is None:
        return ()
    same = counted(info.overfit, "sample")
    return (f"Trained and measured on the same {same}: whether it can learn at all, and nothing of any others",)
