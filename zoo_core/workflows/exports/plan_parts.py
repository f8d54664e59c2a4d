"""Parts of the plan of an export that come from its data or its weights: labels, samples, what was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo_core.export.plan.free_axes import AxisChoice, check_samples, fix_sizes, keep_free, with_reasons
from zoo_core.matching import bound_tensors, counterparts
from zoo_core.recipes import as_implementation
from zoo_core.registry import Model

from .chosen_weights import recipe_for
from .fitting_rows import fitting_rows

if TYPE_CHECKING:
    from torch import Tensor

    from zoo_core.data import BoundDataset, Samples
    from zoo_core.export.plan.plan import ExportPlan, LabelledInputs
    from zoo_core.shapes import TensorSpec
    from zoo_core.specs import Recipe, Weights


def fitting(labels: tuple[str, ...], model: Model, options: Mapping[str, Any]) -> tuple[str, ...]:
    """The labels of published weights; none for a model that was asked for other classes."""
    usual = {option.name: option.default for option in model.spec.options}
    return labels if options.get("num_classes") == usual.get("num_classes") else ()


def labelled(
    dataset: BoundDataset, samples: Samples, inputs: Mapping[str, TensorSpec], sizes: Mapping[str, int]
) -> LabelledInputs:
    """The samples as inputs of the model, by name. Raises ZooError where they do not have the `sizes` asked for."""
    from zoo_core.export.plan.plan import LabelledInputs

    names = counterparts(inputs, dataset.inputs, model="the model", dataset=dataset.name)
    samples = fitting_rows(samples)
    found = samples.named(names).arrays(slice(None))
    if sizes:
        for name, values in found.items():
            check_samples(values.shape, inputs[name], sizes, dataset=dataset.name)
    return LabelledInputs(inputs=found, targets=samples.targets)


def of_data(
    dataset: BoundDataset | None,
    samples: Samples | None,
    model: Model,
    inputs: Mapping[str, TensorSpec],
    sizes: Mapping[str, int],
) -> dict[str, Any]:
    """The parts of a plan that say how inputs are made, and which real ones there are."""
    validation = labelled(dataset, samples, inputs, sizes) if dataset is not None and samples is not None else None
    return {"recipes": recipes_for(dataset, model, inputs), "validation": validation}


def recipes_for(dataset: BoundDataset | None, model: Model, inputs: Mapping[str, TensorSpec]) -> dict[str, Recipe]:
    """How the inputs of the model are made, by their names: as those of its dataset, or without one as it says."""
    if dataset is None:
        return {name: as_implementation(recipe).recipe for name, recipe in model.spec.recipes.items()}
    names = counterparts(inputs, dataset.inputs, model="the model", dataset=dataset.name)
    own = dataset.recorded_recipes
    return {name: own[counterpart] for name, counterpart in names.items() if counterpart in own}


def dataset_record(dataset: BoundDataset, fingerprints: Mapping[str, str]) -> dict[str, Any]:
    """What an export says of the data that its model was trained on; `fingerprints`: of each part by its name."""
    # Without `root`: an export says what was trained on, never where it lay on somebody's disk.
    options = {key: value for key, value in dataset.options.items() if key != "root"}
    record = {"name": dataset.name, "plugin": dataset.plugin, "options": options}
    return {**record, "fingerprint": fingerprints["train"], "fingerprints": dict(fingerprints)}


def assembled(
    model: Model,
    options: Mapping[str, Any],
    checkpoint: Mapping[str, Tensor],
    *,
    name: str,
    opset: int,
    axes: AxisChoice,
    labels: tuple[str, ...],
    dataset: BoundDataset | None = None,
    samples: Samples | None = None,
    run: str | None = None,
    published: Weights | None = None,
    metrics: Mapping[str, float] | None = None,
    fingerprints: Mapping[str, str] | None = None,
) -> ExportPlan:
    """The plan of a model with these weights, and with what is known of its data where it was trained on some."""
    from zoo_core.export.plan.plan import ExportPlan

    inputs, outputs = fix_sizes(model, *bound_tensors(model, options), axes.sizes)
    preprocess = dataset.preprocess if dataset else recipe_for(model, published, inputs)
    inputs, outputs = keep_free(inputs, outputs, axes.dynamic, preprocess=preprocess)
    return ExportPlan(
        name=name,
        model=with_reasons(model, axes.sizes),
        options=dict(options),
        checkpoint=checkpoint,
        inputs=inputs,
        outputs=outputs,
        labels=labels if dataset else fitting(labels, model, options),
        preprocess=preprocess,
        **of_data(dataset, samples, model, inputs, axes.sizes),
        run=run,
        dataset=dataset_record(dataset, fingerprints or {"train": ""}) if dataset else None,
        metrics=published.metrics if published else metrics or {},
        weights=published.name if published else None,
        opset=opset,
    )
