"""Metrics of a run (torch) or of an exported file (onnxruntime only) on a dataset."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core.data import BoundDataset, Samples, bind_dataset
from zoo_core.errors import UsageError, ZooError, did_you_mean
from zoo_core.matching import check_tasks
from zoo_core.records import Record
from zoo_core.registry import Dataset, Zoo
from zoo_core.runtime.model import ExportedModel, open_model
from zoo_core.shapes import TensorSpec
from zoo_core.shelf import Located
from zoo_core.specs import Preprocess
from zoo_core.tasks import Tally, Task, get_task

if TYPE_CHECKING:
    from zoo_core.training import Run


@dataclass(frozen=True, kw_only=True)
class Evaluation(Record):
    """Metrics over the `n` samples of one split, and what they do not say: `details`, by class."""

    metrics: Mapping[str, float]
    n: int
    split: str
    details: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Subject:
    """What is measured: where its own dataset is told, and how its inputs are made."""

    shown: str
    task: Task
    labels: tuple[str, ...]
    preprocess: Preprocess | None
    inputs: Mapping[str, TensorSpec]
    dataset: str | None
    options: Mapping[str, Any]


def evaluate(
    zoo: Zoo,
    *,
    source: Located,
    dataset: str | None = None,
    data: Mapping[str, Any] | None = None,
    split: str | None = None,
    download: bool = False,
) -> Evaluation:
    """Measure a run or an export on a dataset: its own unless another is named.

    Its own dataset comes with the options it was trained with, and `data` on top. Pictures are prepared by the recipe
    of what is measured, whatever the dataset's own. `split`: test where there is one, else validation. An exported
    file never loads torch. Raises ZooError when tasks or classes differ, UsageError for unknown names and splits.
    """
    path = source.path or Path(source.name)
    measure: Callable[[Samples], Tally]
    if source.kind == "export":
        model = open_model(path)
        subject, measure = _export_subject(model, source.name), partial(_measure_export, model)
    else:
        from zoo_core.training import load_run

        run = load_run(path)
        subject, measure = _run_subject(run, zoo), partial(_measure_run, run, zoo)
    bound = _dataset_for(subject, zoo, dataset, data or {})
    chosen = _split_for(bound, split)
    samples = bound.load(chosen, download=download)
    _check_classes(subject, samples.classes, bound.name)
    tally = measure(samples)
    details = tally.details(subject.labels or samples.classes)
    return Evaluation(metrics=tally.metrics(), n=len(samples), split=chosen, details=details)


def _export_subject(model: ExportedModel, name: str) -> _Subject:
    trained_on = model.metadata.dataset or {}
    known = isinstance(trained_on.get("name"), str)
    plugin = trained_on.get("plugin")
    options = trained_on.get("options")
    return _Subject(
        shown=f"export {name!r}",
        task=get_task(model.task),
        labels=model.labels,
        preprocess=model.preprocess,
        inputs=model.metadata.inputs,
        dataset=(f"{plugin}/{trained_on['name']}" if plugin else str(trained_on["name"])) if known else None,
        options=options if isinstance(options, dict) else {},
    )


def _run_subject(run: Run, zoo: Zoo) -> _Subject:
    bound = run.dataset(zoo)
    return _Subject(
        shown=f"run {run.name!r}",
        task=get_task(run.model(zoo).spec.task),
        labels=tuple(run.info.classes),
        preprocess=bound.preprocess,
        inputs=bound.inputs,
        dataset=f"{run.info.dataset_plugin}/{run.info.dataset}",
        options=run.info.dataset_options,
    )


def _dataset_for(subject: _Subject, zoo: Zoo, name: str | None, data: Mapping[str, Any]) -> BoundDataset:
    """The dataset, whose pictures are prepared as the subject needs them."""
    if name is None and subject.dataset is None:
        raise UsageError(f"{subject.shown} does not say what it was trained on", hint="name a dataset: --dataset D")
    chosen = zoo.dataset(name.removeprefix("dataset:") if name is not None else str(subject.dataset))
    subject.task.tally()  # a task without metrics says so before any data are read
    check_tasks(subject.task.name, model=subject.shown, dataset=chosen.name, dataset_task=chosen.spec.task)
    own = subject.dataset is not None and subject.dataset in {f"{chosen.plugin}/{chosen.name}", chosen.name}
    # The recipe of the subject already has the size that it was trained with.
    recorded = {key: value for key, value in subject.options.items() if own and key != "size"}
    return bind_dataset(_prepared_for(subject, chosen), {**recorded, **data})


def _prepared_for(subject: _Subject, dataset: Dataset) -> Dataset:
    spec = dataset.spec
    if subject.preprocess is None or spec.preprocess is None or len(subject.inputs) != 1:
        return dataset
    inputs = dict(zip(spec.inputs, subject.inputs.values(), strict=False))
    changed = dataclasses.replace(spec, preprocess=subject.preprocess, inputs={**spec.inputs, **inputs})
    return dataclasses.replace(dataset, spec=changed)


def _split_for(bound: BoundDataset, split: str | None) -> str:
    if split is None:
        return "test" if "test" in bound.split_names else "validation"
    if split not in bound.split_names:
        hint = did_you_mean(split, bound.split_names)
        raise UsageError(f"dataset {bound.name} has no split {split!r}", hint=hint)
    return split


def _check_classes(subject: _Subject, classes: Sequence[str], dataset: str) -> None:
    """Raises ZooError unless the names and their order are equal: targets are numbers of classes."""
    labels = subject.labels
    if not labels or labels == tuple(classes):
        return
    only_data = [name for name in classes if name not in labels]
    only_model = [name for name in labels if name not in classes]
    parts = []
    if only_data:
        parts.append(f"only in the dataset: {_listed(only_data)}")
    if only_model:
        parts.append(f"only in the model: {_listed(only_model)}")
    if not parts:
        parts.append(f"the order differs: {_listed(classes)} and {_listed(labels)}")
    raise ZooError(
        f"the classes of dataset {dataset} are not those of {subject.shown}; {'; '.join(parts)}",
        hint="choose the classes, in the order of the model, with -d classes=A,B,...",
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f", ... ({len(names)})" if len(names) > 8 else "")


def _measure_export(model: ExportedModel, samples: Samples) -> Tally:
    tally = get_task(model.task).tally()
    for rows, outputs in model.run_batches(samples.batch, count=len(samples)):
        tally.add(outputs, samples.targets[rows])
    return tally


def _measure_run(run: Run, zoo: Zoo, samples: Samples) -> Tally:
    from zoo_core.training.evaluation import tally

    spec = run.model(zoo).spec
    return tally(run.build(zoo), samples, task=get_task(spec.task), outputs=list(spec.outputs))
