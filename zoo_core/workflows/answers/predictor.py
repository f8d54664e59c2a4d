"""What is measured and drawn: a run (torch) or an exported file (onnxruntime only), and the data that it is fed."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from zoo_core.data import BoundDataset, Samples
from zoo_core.data_root import default_root
from zoo_core.errors import UsageError
from zoo_core.matching import check_tasks, counterparts
from zoo_core.offer_lookup import recorded_entry
from zoo_core.plugin_faults import blamed_on
from zoo_core.registry import Model, Zoo
from zoo_core.runtime.reading.run_beside import data_of_run
from zoo_core.runtime.running.isolated import Isolated
from zoo_core.runtime.running.model import ExportedModel, open_model
from zoo_core.shapes import TensorSpec
from zoo_core.shelf import Located
from zoo_core.specs import ModelSpec, Preprocess, Recipe
from zoo_core.tasks import Task, get_task
from zoo_core.workflows.classes import check_classes
from zoo_core.workflows.same_data import compare_part, options_in_force, require_data

from .baked_batches import baked_batches, pictures_as_they_are, prepared_inputs
from .prepared import bind_prepared, choose_split

if TYPE_CHECKING:
    from zoo_core.training import Run

Batches = Iterator[tuple[slice, dict[str, NDArray[Any]]]]


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """A run or an export: where its own dataset is told, how its inputs are made, and how it answers.

    `batches(samples)` gives, batch by batch, which samples these are and the outputs by name. `fingerprints`: those of
    the parts of its own dataset as they were in training, by their names, as far as they were recorded. `task_plugin`:
    what offers the task; empty for a bundled one. `left_out`: the files that were left out of its dataset, because they
    could not be read. `baked`: it takes pictures as they are, which `preprocess` is already a part of.
    """

    shown: str
    task: Task
    labels: tuple[str, ...]
    preprocess: Preprocess | None
    recipes: Mapping[str, Recipe]
    inputs: Mapping[str, TensorSpec]
    dataset: str | None
    options: Mapping[str, Any]
    batches: Callable[[Samples], Batches]
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    task_plugin: str = ""
    left_out: tuple[str, ...] = ()
    baked: bool = False


@dataclass(frozen=True, kw_only=True)
class Part:
    """The samples of one split of a dataset, prepared as a predictor needs them; `skipped` files cannot be read.

    `same_data`: whether they are those of the predictor's training, None where that is not known or where another
    dataset was named; `remarks`: what is to be known of them, in sentences.
    """

    dataset: str
    split: str
    samples: Samples
    labels: tuple[str, ...]
    skipped: tuple[str, ...] = ()
    same_data: bool | None = None
    remarks: tuple[str, ...] = ()


def open_predictor(source: Located, zoo: Zoo, *, isolated: Isolated = None, provider: str | None = None) -> Predictor:
    """The run or export that was named. An exported file never loads torch; the rest is as in `open_model`.

    Raises UsageError for a run that shall be run on a provider of onnxruntime.
    """
    path = source.path or Path(source.name)
    if source.kind == "export":
        return export_predictor(open_model(path, isolated=isolated, provider=provider), source.name)
    if provider is not None:
        raise UsageError(
            f"{source.name} is a run, which PyTorch computes, and a provider is onnxruntime's",
            hint=f"export:{source.name} is its export, once there is one",
        )
    from zoo_core.training import load_run

    return run_predictor(load_run(path), zoo)


def export_predictor(model: ExportedModel, name: str) -> Predictor:
    """An opened file as what is measured; `name` is what messages call it. The run beside it says where data lie."""
    trained_on = model.metadata.dataset or {}
    known = isinstance(trained_on.get("name"), str)
    plugin = trained_on.get("plugin")
    options = trained_on.get("options")
    options = dict(options) if isinstance(options, dict) else {}
    of_run = data_of_run(model.path, trained_on)
    if of_run.root is not None and known and not default_root(trained_on["name"]).exists():
        options.setdefault("root", of_run.root)
    return Predictor(
        shown=f"export {name!r}",
        task=model.meaning,
        labels=model.labels,
        preprocess=model.preprocess,
        recipes=model.metadata.recipes,
        inputs=prepared_inputs(model.metadata),
        dataset=(f"{plugin}/{trained_on['name']}" if plugin else str(trained_on["name"])) if known else None,
        options=options,
        batches=lambda samples: (
            baked_batches(model, samples)
            if model.metadata.baked
            else model.run_batches(samples.arrays, count=len(samples))
        ),
        fingerprints=_recorded(trained_on),
        task_plugin=model.metadata.task_plugin,
        left_out=of_run.left_out,
        baked=model.metadata.baked,
    )


def _recorded(trained_on: Mapping[str, Any]) -> dict[str, str]:
    """The fingerprints that a file says it was trained on; what is none is left out."""
    train, parts = trained_on.get("fingerprint"), trained_on.get("fingerprints")
    if not isinstance(train, str) or not train:
        return {}
    known = {"train": train, **(parts if isinstance(parts, dict) else {})}
    return {name: text for name, text in known.items() if isinstance(text, str)}


def run_predictor(run: Run, zoo: Zoo) -> Predictor:
    """A run as what is measured. Its weights are read when the first batch is asked for."""
    from zoo_core.training.extras import need_torch

    bound = run.dataset(zoo)
    model = run.model(zoo)
    spec = model.spec

    @functools.cache
    def build() -> Any:
        need_torch("the weights of a run")
        return run.build(zoo)

    return Predictor(
        shown=f"run {run.name!r}",
        task=get_task(spec.task, settings=run.info.task_settings),
        labels=tuple(run.info.classes),
        preprocess=bound.preprocess,
        recipes=run.recipes,
        # Without a recipe the data themselves would be asked, which may lie elsewhere by now.
        inputs=_taken(bound, spec) if bound.preprocess is not None or run.recipes else spec.inputs,
        dataset=f"{run.info.dataset_plugin}/{run.info.dataset}",
        options=run.info.dataset_options,
        batches=lambda samples: _module_batches(build(), samples, model),
        fingerprints=run.info.fingerprints if run.info.dataset_fingerprint else {},
        task_plugin=run.info.task_plugin,
        left_out=run.info.skipped,
    )


def _taken(bound: BoundDataset, spec: ModelSpec) -> Mapping[str, TensorSpec]:
    """The inputs of a dataset that a model takes, by their names there."""
    names = counterparts(spec.inputs, bound.inputs, model=f"model {spec.name}", dataset=bound.name)
    return {name: bound.inputs[name] for name in names.values()}


def _module_batches(module: Any, samples: Samples, model: Model) -> Batches:
    import torch

    from zoo_core.torch_modules import called, named_outputs
    from zoo_core.training.evaluation import evaluation_batch
    from zoo_core.training.feed import Feed
    from zoo_core.training.one_at_a_time import reader_of

    names, read = list(model.spec.outputs), reader_of(model.spec)
    feed = Feed(samples, batch_size=evaluation_batch(samples, read))
    start = 0
    for inputs, targets in feed.in_order():
        with torch.inference_mode(), blamed_on(model):
            outputs = named_outputs(called(module, inputs), names, read)
        yield slice(start, start + len(targets)), {name: value.numpy() for name, value in outputs.items()}
        start += len(targets)


def load_part(
    predictor: Predictor,
    zoo: Zoo,
    *,
    dataset: str | None = None,
    data: Mapping[str, Any] | None = None,
    split: str | None = None,
    download: bool = False,
    accept_changes: bool = False,
) -> Part:
    """The samples of a split of the predictor's own dataset, or of the one that is named, prepared by its recipe.

    Its own dataset comes with the options it was trained with, and `data` on top. `split`: test where there is one,
    else validation. Raises ZooError when tasks or classes differ, and when its own data have changed since, unless
    `accept_changes`; UsageError for unknown names and splits.
    """
    given = data or {}
    own, bound = _dataset_for(predictor, zoo, dataset, given)
    require_data(bound, shown=predictor.shown, again="the same command with -d root=DIR")
    chosen = choose_split(bound, split)
    samples = bound.load(chosen, download=download)
    if predictor.baked:
        own_size = pictures_as_they_are(bound, samples, chosen, download=download)
        samples = dataclasses.replace(samples, pictures=own_size)
    samples = samples.named(counterparts(predictor.inputs, bound.inputs, model=predictor.shown, dataset=bound.name))
    check_classes(samples.classes, dataset=bound.name, labels=predictor.labels, shown=predictor.shown)
    asked: dict[str, Any] = {"given": given, "accept_changes": accept_changes, "download": download}
    same, remarks = _compared(predictor, bound, samples, chosen, **asked) if own else (None, ())
    return Part(
        dataset=bound.name,
        split=chosen,
        samples=samples,
        labels=predictor.labels or samples.classes,
        skipped=bound.skipped(samples),
        same_data=same,
        remarks=remarks,
    )


def _compared(
    predictor: Predictor,
    bound: BoundDataset,
    samples: Samples,
    split: str,
    *,
    given: Mapping[str, Any],
    accept_changes: bool,
    download: bool,
) -> tuple[bool | None, tuple[str, ...]]:
    """Whether a split of its own dataset is what the predictor had, and what is to be known of it."""
    compared = compare_part(
        bound,
        samples,
        split,
        recorded=predictor.fingerprints,
        shown=predictor.shown,
        asked=bool(given),
        accept_changes=accept_changes,
        download=download,
    )
    in_force = ""
    if "root" in given and not compared.same:
        in_force = options_in_force(bound, recorded=predictor.options, given=given, shown=predictor.shown)
    return compared.same, tuple(filter(None, (compared.remark, in_force)))


def _recorded_dataset(predictor: Predictor, zoo: Zoo) -> str:
    """The full name of what it was trained on. Raises ZooError where the plugin of that is not there."""
    plugin, _, name = str(predictor.dataset).partition("/")
    if ":" not in plugin:
        return str(predictor.dataset)  # a file that does not say of which plugin it is
    return recorded_entry(zoo, "dataset", name, plugin=plugin).qualified


def _dataset_for(
    predictor: Predictor, zoo: Zoo, name: str | None, data: Mapping[str, Any]
) -> tuple[bool, BoundDataset]:
    """The dataset, whose pictures are prepared as the predictor needs them; and whether it is the predictor's own."""
    if name is None and predictor.dataset is None:
        raise UsageError(f"{predictor.shown} does not say what it was trained on", hint="name a dataset: --dataset D")
    chosen = zoo.dataset(name.removeprefix("dataset:") if name is not None else _recorded_dataset(predictor, zoo))
    predictor.task.tally()  # a task without metrics says so before any data are read
    check_tasks(predictor.task.name, model=predictor.shown, dataset=chosen.name, dataset_task=chosen.spec.task)
    own = predictor.dataset is not None and predictor.dataset in {f"{chosen.plugin}/{chosen.name}", chosen.name}
    recorded = predictor.options if own else None
    return own, bind_prepared(
        chosen,
        data,
        recipe=predictor.preprocess,
        inputs=predictor.inputs,
        recipes=predictor.recipes,
        recorded=recorded,
        left_out=predictor.left_out if own else (),
    )
