"""From a run, or a model with given or fresh weights, to a published export; and the dry run's export check."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core.errors import MissingExtraError, UsageError, ZooError
from zoo_core.matching import bound_tensors, full_options
from zoo_core.records import ExportReport
from zoo_core.registry import Model, Zoo
from zoo_core.shelf import EXPORTS, folder_name, locate

if TYPE_CHECKING:
    from torch import Tensor, nn

    from zoo_core.data import BoundDataset, Samples
    from zoo_core.export.attempts import Progress
    from zoo_core.export.plan import ExportPlan, LabelledInputs
    from zoo_core.shapes import TensorSpec
    from zoo_core.specs import Preprocess, Weights
    from zoo_core.training import Run

FRESH_SEED = 0


def need_export_extra() -> None:
    """Raises MissingExtraError unless everything that an export needs is installed."""
    import importlib.util

    for package in ("torch", "onnx", "onnxscript", "safetensors"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(needed_for="zoo export", extra="train", missing=package)


def default_target(name: str) -> Path:
    """Where an export of this name is written without `--to`."""
    return EXPORTS / folder_name(name)


def plan_source(
    zoo: Zoo,
    source: str,
    *,
    weights: str | None = None,
    options: Mapping[str, str] | None = None,
    opset: int,
    dynamic: Sequence[str] = (),
) -> ExportPlan:
    """What exporting MODEL|RUN means. Raises UsageError for options that only a MODEL takes.

    The export is named after the run or model, wherever it is written: the same source gives the same bytes.
    """
    found = locate(source, kinds=("run", "model"), zoo=zoo)
    if found.kind == "model":
        model = zoo.model(found.name)
        return plan_model(model, options or {}, name=model.name, opset=opset, weights=weights, dynamic=dynamic)
    if weights is not None or options:
        raise UsageError(
            f"{source} is a run: it brings its own weights and options",
            hint=f"leave out {'--weights' if weights else '-o'}",
        )
    from zoo_core.training import load_run

    run = load_run(found.path or found.name)
    return plan_run(run, zoo, name=run.name, opset=opset, dynamic=dynamic)


def plan_run(run: Run, zoo: Zoo, *, name: str, opset: int, dynamic: Sequence[str] = ()) -> ExportPlan:
    """What exporting a finished or interrupted run means: its best weights, its data, its metrics."""
    model = run.model(zoo)
    dataset = run.dataset(zoo)
    validation = dataset.load("validation")
    fingerprint = run.info.dataset_fingerprint
    return _plan(
        model,
        run.info.options,
        run.state_dict(),
        name=name,
        opset=opset,
        dynamic=dynamic,
        dataset=dataset,
        samples=validation,
        labels=tuple(run.info.classes),
        run=run.name,
        metrics=_metrics(run),
        fingerprint=fingerprint,
    )


def _metrics(run: Run) -> dict[str, float]:
    found = {f"validation {name}": value for name, value in run.info.validation.items()}
    found.update({f"test {name}": value for name, value in (run.info.test or {}).items()})
    return found


def plan_model(
    model: Model,
    given: Mapping[str, Any],
    *,
    name: str,
    opset: int,
    weights: str | None = None,
    dynamic: Sequence[str] = (),
) -> ExportPlan:
    """What exporting a model means: the weights of a file, or seeded fresh ones, labelled untrained."""
    options = full_options(model, given)  # first: a mistyped option is told before torch is loaded
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(FRESH_SEED)
        module = model.build(**options)
    checkpoint, published = dict(module.state_dict()), None
    if weights is not None:
        checkpoint, published = _weights_from(weights, model, module)
    plan = _plan(
        model,
        options,
        checkpoint,
        name=name,
        opset=opset,
        dynamic=dynamic,
        labels=(published.labels if published else ()) or model.spec.labels,
        published=published,
        untrained=weights is None and any(parameter.numel() for parameter in module.parameters()),
    )
    return _made_healthy(plan) if plan.untrained else plan


def _made_healthy(plan: ExportPlan) -> ExportPlan:
    """The plan with fresh weights of which every part shows in the outputs: what is checked is what is published."""
    from zoo_core.export.healthy import healthy_checkpoint

    healthy = healthy_checkpoint(
        plan.build,
        plan.checkpoint,
        inputs=plan.plausible_inputs(),
        batched=plan.batch_is_free,
        settle=plan.model.spec.settle,
    )
    return dataclasses.replace(plan, checkpoint=healthy)


def _as_built(tensors: Mapping[str, Tensor], built: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights that are stored in half or double precision, in the precision that the model computes in."""
    return {
        name: tensor.to(built[name].dtype) if name in built and tensor.is_floating_point() else tensor
        for name, tensor in tensors.items()
    }


def _weights_from(text: str, model: Model, module: nn.Module) -> tuple[dict[str, Tensor], Weights | None]:
    """The tensors that `--weights` names, and what they are where the model publishes them."""
    path = Path(text)
    if path.suffix == ".safetensors":
        from zoo_core.training.checkpoint import read_tensors

        if not path.exists():
            raise ZooError(f"there is no file {path}", hint="check the path given to --weights")
        return _as_built(read_tensors(path, what="the weights")[0], module.state_dict()), None
    from zoo_core.training.pretrained import fetch_weights, find_weights, load_published

    published = find_weights(model.spec.weights, text, model=model.name)
    tensors = fetch_weights(published, model=model.name)
    return load_published(module, tensors, source=f"{published.name} of {model.name}"), published


def _plan(
    model: Model,
    options: Mapping[str, Any],
    checkpoint: Mapping[str, Tensor],
    *,
    name: str,
    opset: int,
    dynamic: Sequence[str],
    labels: tuple[str, ...],
    dataset: BoundDataset | None = None,
    samples: Samples | None = None,
    run: str | None = None,
    untrained: bool = False,
    published: Weights | None = None,
    metrics: Mapping[str, float] | None = None,
    fingerprint: str = "",
) -> ExportPlan:
    from zoo_core.export.plan import ExportPlan, keep_free

    inputs, outputs = bound_tensors(model, options)
    preprocess = dataset.preprocess if dataset else _fitted(model, published, inputs)
    inputs, outputs = keep_free(inputs, outputs, dynamic, preprocess=preprocess)
    return ExportPlan(
        name=name,
        model=model,
        options=dict(options),
        checkpoint=checkpoint,
        inputs=inputs,
        outputs=outputs,
        labels=labels if dataset else _fitting(labels, model, options),
        preprocess=preprocess,
        validation=_labelled(dataset, samples) if dataset and samples is not None else None,
        run=run,
        untrained=untrained,
        dataset=_dataset_record(dataset, fingerprint) if dataset else None,
        metrics=published.metrics if published else metrics or {},
        weights=published.name if published else None,
        opset=opset,
    )


def _fitted(model: Model, published: Weights | None, inputs: Mapping[str, TensorSpec]) -> Preprocess | None:
    """The recipe of published weights, or of the model, for the size of picture that its options ask for."""
    preprocess = (published.preprocess if published else None) or model.spec.preprocess
    shapes = [spec.axes for spec in inputs.values() if len(spec.axes) == 4]
    if preprocess is None or preprocess.size is None or len(shapes) != 1:
        return preprocess
    height, width = shapes[0][2:] if preprocess.layout == "NCHW" else shapes[0][1:3]
    if not isinstance(height, int) or not isinstance(width, int) or (height, width) == preprocess.size:
        return preprocess
    if height == width:
        return preprocess.resized(height)
    return dataclasses.replace(preprocess, resize=(height, width), crop=None)


def _fitting(labels: tuple[str, ...], model: Model, options: Mapping[str, Any]) -> tuple[str, ...]:
    """The labels of published weights; none for a model that was asked for other classes."""
    usual = {option.name: option.default for option in model.spec.options}
    return labels if options.get("num_classes") == usual.get("num_classes") else ()


def _labelled(dataset: BoundDataset, samples: Samples) -> LabelledInputs:
    from zoo_core.export.plan import LabelledInputs

    return LabelledInputs(inputs={dataset.input_name: samples.batch(slice(None))}, targets=samples.targets)


def _dataset_record(dataset: BoundDataset, fingerprint: str) -> dict[str, Any]:
    # Without `root`: an export says what was trained on, never where it lay on somebody's disk.
    options = {key: value for key, value in dataset.options.items() if key != "root"}
    return {"name": dataset.name, "plugin": dataset.plugin, "options": options, "fingerprint": fingerprint}


def export_plan(
    plan: ExportPlan, target: Path, zoo: Zoo, *, keep: bool = False, progress: Progress = lambda stage: None
) -> ExportReport:
    """Convert, check, publish, and tell the listeners. Raises RejectedExportError unless it is verified."""
    from zoo_core.export.bundle import export

    report = export(plan, target, keep=keep, progress=progress)
    zoo.tell("zoo_exported", report=report)
    return report


def check_export(
    module: nn.Module,
    *,
    model: Model,
    options: Mapping[str, Any],
    dataset: BoundDataset,
    samples: Samples,
    progress: Progress = lambda stage: None,
) -> ExportReport:
    """The whole export of a module on some samples, thrown away afterwards: will it export when it is trained?

    Raises RejectedExportError unless it would be verified.
    """
    need_export_extra()
    from zoo_core.export.bundle import export
    from zoo_core.export.plan import DEFAULT_OPSET

    plan = _plan(
        model,
        options,
        module.state_dict(),
        name=model.name,
        opset=DEFAULT_OPSET,
        dynamic=(),
        labels=samples.classes,
        dataset=dataset,
        samples=samples,
        fingerprint=samples.fingerprint,
    )
    with tempfile.TemporaryDirectory(prefix="zoo-dry-run-") as folder:
        return export(plan, Path(folder) / "export", progress=progress)
