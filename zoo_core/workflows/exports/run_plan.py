"""What exporting a run means: its best weights, its data as they were, its metrics."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from zoo_core.errors import ZooError
from zoo_core.export.plan.free_axes import ALL_FREE, AxisChoice, fix_sizes
from zoo_core.matching import bound_tensors
from zoo_core.records import counted
from zoo_core.registry import Zoo, warn
from zoo_core.workflows.classes import check_classes
from zoo_core.workflows.same_data import compare_part

from .picture_sizes import at_sizes
from .plan_parts import assembled

if TYPE_CHECKING:
    from zoo_core.data import BoundDataset, Samples
    from zoo_core.export.plan.plan import ExportPlan
    from zoo_core.training import Run


def plan_run(
    run: Run, zoo: Zoo, *, name: str, opset: int, axes: AxisChoice = ALL_FREE, root: str | None = None
) -> ExportPlan:
    """What exporting a finished or interrupted run means: its best weights, its data, its metrics.

    `root`: where its data lie now. Raises ZooError where others lie there.
    """
    model = run.model(zoo)
    own = run.dataset(zoo, root=root)
    dataset = own
    if axes.sizes:
        dataset = at_sizes(own, zoo, fix_sizes(model, *bound_tensors(model, run.info.options), axes.sizes)[0])
    if unfinished := _unfinished(run):
        warn(f"run {run.name!r} is unfinished: {unfinished}")
    validation = dataset.load("validation")
    check_classes(
        validation.classes,
        dataset=dataset.name,
        labels=run.info.classes,
        shown=f"run {run.name!r}",
        hint="the data have changed since: bring the old ones back, or train again",
    )
    _check_same(run, dataset, validation, moved=root)
    plan = assembled(
        model,
        run.info.options,
        run.state_dict(),
        name=name,
        opset=opset,
        axes=axes,
        dataset=dataset,
        samples=validation,
        labels=tuple(run.info.classes),
        run=run.name,
        metrics=_metrics(run) if dataset.preprocess == own.preprocess else {},  # those of the size it was trained on
        fingerprints=run.info.fingerprints,
    )
    remarks = run.info.remarks if plan.metrics else ()
    return dataclasses.replace(plan, unfinished=unfinished, remarks=remarks, task_settings=run.info.task_settings)


def _unfinished(run: Run) -> str:
    """How far an unfinished run came, in a sentence; empty for one that is finished."""
    info, done = run.info, len(run.rows)
    if info.status == "finished":
        return ""
    if done >= info.epochs:
        whole = counted(info.epochs, "epoch")
        return f"all of {whole} of its run are done, but it was stopped before it was measured and closed."
    weights = f"the weights are those of epoch {info.best_epoch or 0}, the best so far"
    return f"its run has done {done} of {counted(info.epochs, 'epoch')}; {weights}."


def _check_same(run: Run, dataset: BoundDataset, validation: Samples, *, moved: str | None) -> None:
    """Raises ZooError where other data lie where those of the run are said to lie, and warns where its own changed."""
    recorded = run.info.fingerprints if run.info.dataset_fingerprint else {}
    shown = f"run {run.name!r}"
    compared = compare_part(dataset, validation, "validation", recorded=recorded, shown=shown, asked=True)
    if compared.same is not False:
        return
    if moved is not None:
        raise ZooError(f"{moved} does not have the data of {shown}", hint="-d root=DIR names where the same data lie")
    warn(f"the data of {shown} have changed since it was trained: the file is checked on those that are there now")


def _metrics(run: Run) -> dict[str, float]:
    found = {f"validation {name}": value for name, value in run.info.validation.items()}
    found.update({f"test {name}": value for name, value in (run.info.test or {}).items()})
    return {name: value for name, value in found.items() if math.isfinite(value)}  # the metadata of a file have no NaN
