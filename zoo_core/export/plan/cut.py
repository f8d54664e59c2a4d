"""The plan of a feature extractor: a model cut after a layer, and which axes of what the layer gives are free."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import nn

from zoo_core.errors import UsageError, ZooError
from zoo_core.records import counted
from zoo_core.shapes import Axis, TensorSpec
from zoo_core.torch_modules import forward_of, fresh_module, plain_attention
from zoo_core.verification.feed.rows import BATCH
from zoo_core.verification.feed.sizes import Sizes, distinct, free_sizes, size_cases, sizes_of

from .free_axes import usual_sizes
from .layer import layer_output, require_layer
from .plan import ExportPlan, LabelledInputs

OUTPUT = "features"
ROWS = 3
MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
"""Of an axis, what its size may be rounded to, so that strides divide it and what they leave can be said."""
FAR = 256
"""About as many elements along each axis are tried last: a stride may be larger than all small sizes."""


@dataclass(frozen=True, kw_only=True)
class _Tensors:
    """What goes in and comes out of the cut model, and the ends of the axes that stay free."""

    inputs: Mapping[str, TensorSpec]
    features: TensorSpec
    smallest: Mapping[str, int] = field(default_factory=dict)
    largest: Mapping[str, int] = field(default_factory=dict)


class _UnsayableError(Exception):
    """An axis of the features that is neither fixed nor `factor * axis + offset` of one input axis."""


def cut_plan(plan: ExportPlan, layer: str) -> ExportPlan:
    """The plan of the same checkpoint cut after `layer`: task "features", one output "features".

    A free axis stays free where the sizes of the features follow from it, perhaps only for multiples ("32*H"); the
    others get their usual size, with the reason in `fixed_axes`. Raises UsageError for a layer that is unknown, does
    not run once, or does not give one float32 tensor whose first axis is the batch.
    """
    module = fresh_module(plan.build, plan.checkpoint)
    layer = require_layer(module, layer, model=plan.model.name)
    found = _free_tensors(plan, module, layer)
    fixed: Mapping[str, str] = {}
    if found is None:
        sizes = _usual(plan)
        found = _at(plan, module, layer, sizes)
        fixed = dict.fromkeys(sizes, f"the size of what {layer} gives is not proportional to it")
    return _planned(plan, layer, found, fixed)


def _planned(plan: ExportPlan, layer: str, found: _Tensors, fixed: Mapping[str, str]) -> ExportPlan:
    spec = dataclasses.replace(
        plan.model.spec,
        task="features",
        summary=f"Features: what the layer {layer} gives. {plan.model.spec.summary}",
        inputs=found.inputs,
        outputs={OUTPUT: found.features},
        labels=(),
        smallest=found.smallest,
        largest=found.largest,
        size_options={},
        fixed_axes={**plan.fixed_axes, **fixed},
        read_outputs=None,
        export_wrapper=None,
        stages=None,
    )
    validation = plan.validation
    if validation is not None:
        # There is nothing to measure on all of them: a few show what real samples look like.
        rows = validation.spread()
        validation = LabelledInputs(inputs=rows, targets=validation.targets[: len(next(iter(rows.values())))])
    return dataclasses.replace(
        plan,
        name=f"{plan.name}-{layer.replace('.', '-')}",
        model=dataclasses.replace(plan.model, spec=spec),
        inputs=found.inputs,
        outputs=spec.outputs,
        labels=(),
        metrics={},  # those of the whole model
        validation=validation,
        layer=layer,
    )


def _usual(plan: ExportPlan) -> Sizes:
    """The size of real samples; without them that of the preprocessing, and else that of the check."""
    known = {} if plan.validation is not None else usual_sizes(plan.inputs, plan.preprocess)
    return {axis: known.get(axis, size) for axis, size in plan.size_cases[0].items()}


def _at(plan: ExportPlan, module: nn.Module, layer: str, sizes: Sizes) -> _Tensors:
    """The tensors with every free axis but the batch fixed."""
    inputs = {name: spec.bind(sizes) for name, spec in plan.inputs.items()}
    shape = _shape(dataclasses.replace(plan, inputs=inputs, outputs={}), module, layer, {})
    return _Tensors(inputs=inputs, features=TensorSpec(_first(plan), *shape))


def _free_tensors(plan: ExportPlan, module: nn.Module, layer: str) -> _Tensors | None:
    """The tensors with every free axis of the model still free; None where the features' sizes cannot be said."""
    if not free_sizes(plan.inputs.values()):
        return _at(plan, module, layer, {})
    for multiple in MULTIPLES:
        try:
            return _tried(plan, module, layer, multiple)
        except _UnsayableError:
            continue
    return None


def _tried(plan: ExportPlan, module: nn.Module, layer: str, multiple: int) -> _Tensors:
    """The tensors for sizes that are multiples of so many steps. Raises _UnsayableError."""
    inputs = {name: _scaled(spec, multiple) for name, spec in plan.inputs.items()}
    _require_usual(plan, inputs)
    axes = free_sizes(inputs.values())
    smallest = {axis: -(-size // multiple) for axis, size in plan.model.spec.smallest.items() if axis in axes}
    largest = {axis: size // multiple for axis, size in plan.model.spec.largest.items() if axis in axes}
    if any(size < smallest.get(axis, 1) for axis, size in largest.items()):
        raise _UnsayableError
    scaled = dataclasses.replace(plan, inputs=inputs, outputs={})
    shapes = {}
    fitted: tuple[int | str, ...] = ()
    for point in _points(inputs, smallest=smallest, largest=largest):
        shapes[tuple(point.items())] = _shape(scaled, module, layer, point)
        # Told as soon as it is known: the larger sizes take the longest.
        fitted = _fitted(shapes, axes)
    features = TensorSpec(_first(plan), *fitted)
    return _Tensors(inputs=inputs, features=features, smallest=smallest, largest=largest)


def _require_usual(plan: ExportPlan, inputs: Mapping[str, TensorSpec]) -> None:
    """Raises _UnsayableError where real samples, or pictures as the recipe prepares them, do not fit the inputs."""
    if plan.validation is not None:
        try:
            sizes_of({name: value.shape for name, value in plan.validation.inputs.items()}, inputs)
        except ZooError:
            raise _UnsayableError from None
    elif usual_sizes(inputs, plan.preprocess).keys() != usual_sizes(plan.inputs, plan.preprocess).keys():
        raise _UnsayableError


def _points(
    inputs: Mapping[str, TensorSpec], *, smallest: Mapping[str, int], largest: Mapping[str, int]
) -> tuple[Sizes, ...]:
    """The sizes at which the layer is tried, none of them beyond its end; the smallest first."""
    axes = free_sizes(inputs.values())
    least: Sizes = {axis: smallest.get(axis, 1) for axis in axes}
    points = [least, *({**least, axis: least[axis] + step} for axis in axes for step in (1, 2))]
    points += size_cases(inputs, smallest=smallest)
    points.append({axis: least[axis] + -(-FAR // _factor(axis, inputs)) for axis in axes})
    return distinct({axis: min(size, largest.get(axis, size)) for axis, size in point.items()} for point in points)


def _factor(axis: str, inputs: Mapping[str, TensorSpec]) -> int:
    return max(part.factor for spec in inputs.values() for part in spec.parsed if part.name == axis)


def _scaled(spec: TensorSpec, multiple: int) -> TensorSpec:
    if multiple == 1:
        return spec
    axes = [_scaled_axis(axis, multiple) for axis in spec.parsed]
    return TensorSpec(*axes, dtype=spec.dtype, low=spec.low, high=spec.high)


def _scaled_axis(axis: Axis, multiple: int) -> int | str:
    if axis.name is None:
        return axis.size or 1
    if axis.name == BATCH:
        return BATCH
    if axis.offset or axis.factor * multiple > max(MULTIPLES):
        raise _UnsayableError
    return str(dataclasses.replace(axis, factor=axis.factor * multiple))


def _fitted(
    shapes: Mapping[tuple[tuple[str, int], ...], tuple[int, ...]], axes: tuple[str, ...]
) -> tuple[int | str, ...]:
    """The axes of the features, from their shapes at several sizes. Raises _UnsayableError."""
    points = [(dict(sizes), shape) for sizes, shape in shapes.items()]
    if len({len(shape) for _, shape in points}) > 1:
        raise _UnsayableError
    return tuple(
        _fitted_axis([(sizes, shape[place]) for sizes, shape in points], axes) for place in range(len(points[0][1]))
    )


def _fitted_axis(points: list[tuple[dict[str, int], int]], axes: tuple[str, ...]) -> int | str:
    (least, size), *others = points
    if all(other == size for _, other in others):
        return size
    for axis in axes:
        step = next((other - size for sizes, other in others if sizes == {**least, axis: least[axis] + 1}), 0)
        offset = size - step * least[axis]
        if step > 0 and all(other == step * sizes[axis] + offset for sizes, other in others):
            return str(Axis(name=axis, factor=step, offset=offset))
    raise _UnsayableError


def _first(plan: ExportPlan) -> int | str:
    return BATCH if plan.batch_is_free else 1


def _shape(plan: ExportPlan, module: nn.Module, layer: str, sizes: Sizes) -> tuple[int, ...]:
    """The shape that the layer gives for one sample. Raises UsageError when it is no tensor of features of samples."""
    rows = ROWS if plan.batch_is_free else 1
    shown = f"{plan.model.name} fails on inputs of the smallest sizes"
    with forward_of(shown), torch.no_grad(), plain_attention():
        found = layer_output(module, plan.drawn({BATCH: rows, **sizes}), layer=layer)
    if found.dtype is not torch.float32:
        raise UsageError(
            f"the layer {layer!r} gives {str(found.dtype).removeprefix('torch.')} numbers, but features are float32",
            hint="choose another layer",
        )
    if not found.ndim or len(found) != rows:
        raise UsageError(
            f"the layer {layer!r} gives the shape {tuple(found.shape)} for {counted(rows, 'sample')}: "
            "its first axis does not count the samples",
            hint="choose another layer",
        )
    return tuple(found.shape[1:])
