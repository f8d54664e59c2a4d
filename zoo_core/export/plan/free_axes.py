"""Which axes of an export stay free: `--dynamic AXIS` names those that do, `--size AXIS=N` fixes one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from zoo_core.errors import UsageError, ZooError, did_you_mean
from zoo_core.registry import Model
from zoo_core.shapes import TensorSpec
from zoo_core.specs import Preprocess
from zoo_core.verification.feed.rows import BATCH
from zoo_core.verification.feed.sizes import Sizes

Tensors = Mapping[str, TensorSpec]


@dataclass(frozen=True, kw_only=True)
class AxisChoice:
    """What is asked of the free axes: only those in `dynamic` stay free, where any is named; `sizes` fixes others.

    Raises UsageError for an axis that is in both.
    """

    dynamic: tuple[str, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if both := [axis for axis in self.dynamic if axis in self.sizes]:
            raise UsageError(
                f"--dynamic {both[0]} leaves the axis free, and --size {both[0]}={self.sizes[both[0]]} fixes it",
                hint="leave out one of them",
            )


ALL_FREE = AxisChoice()


def fix_sizes(model: Model, inputs: Tensors, outputs: Tensors, sizes: Mapping[str, int]) -> tuple[Tensors, Tensors]:
    """The tensors with each axis of `sizes` fixed; `--size AXIS=N`. N is the value of the axis: of "16*H", 16 * N.

    Raises UsageError for an axis that is not free in the inputs, and for a size that the model does not take.
    """
    known = _free(inputs)
    for axis, size in sizes.items():
        if axis not in known:
            raise UsageError(f"--size: {model.name} has no free axis {axis}", hint=_known_axes(axis, known, model))
        _check_size(model, axis, size, meant=_in_elements(inputs, axis, size))
    fixed = {}
    for name, spec in {**inputs, **outputs}.items():
        try:
            fixed[name] = spec.bind(sizes)
        except ZooError:
            told = ", ".join(f"{axis}={size}" for axis, size in sizes.items())
            raise UsageError(f"--size {told} is too small: {name} {spec} would have no element") from None
    return {name: fixed[name] for name in inputs}, {name: fixed[name] for name in outputs}


def with_reasons(model: Model, sizes: Mapping[str, int]) -> Model:
    """The model, whose spec says that these axes were fixed by `--size`."""
    reasons = {axis: f"exported with --size {axis}={size}" for axis, size in sizes.items()}
    spec = dataclasses.replace(model.spec, fixed_axes={**model.spec.fixed_axes, **reasons})
    return dataclasses.replace(model, spec=spec)


def _check_size(model: Model, axis: str, size: int, *, meant: str) -> None:
    smallest, largest = model.spec.smallest.get(axis, 1), model.spec.largest.get(axis)
    if axis == BATCH and size != 1:
        raise UsageError(
            f"--size {BATCH}={size}: a file takes any number of rows, or one at a time",
            hint=f"--size {BATCH}=1, or leave it out",
        )
    if size < smallest:
        raise UsageError(f"--size {axis}={size}{meant}: {model.name} takes {axis} from {smallest} on")
    if largest is not None and size > largest:
        raise UsageError(f"--size {axis}={size}{meant}: {model.name} takes {axis} up to {largest}")


def check_samples(shape: tuple[int, ...], spec: TensorSpec, sizes: Mapping[str, int], *, dataset: str) -> None:
    """Raises UsageError where samples of this shape, (samples, ...), are not of the size that was fixed."""
    if any(isinstance(axis, int) and axis != size for axis, size in zip(spec.axes[1:], shape[1:], strict=False)):
        told = " ".join(f"--size {axis}={size}" for axis, size in sizes.items())
        raise UsageError(
            f"{told}: the inputs are then {spec}, but the samples of dataset {dataset} have the shape {shape[1:]}",
            hint="give the size of the samples; or train on samples of that size, and export that run",
        )


def _in_elements(inputs: Tensors, axis: str, size: int) -> str:
    """` (16*H is 64)`, where the elements along an axis are not the value that its name stands for."""
    written = dict.fromkeys(str(each) for spec in inputs.values() for each in spec.parsed if each.name == axis)
    told = [f"{each} is {TensorSpec(each).parsed[0].resolve({axis: size})}" for each in written if each != axis]
    return f" ({', '.join(told)})" if told else ""


def _known_axes(axis: str, known: Sequence[str], model: Model) -> str:
    if axis in {option.name for option in model.spec.options}:
        free = f"the free axes are {', '.join(known)}; " if len(known) > 1 else ""
        return f"{free}{axis} is an option of the model: -o {axis}=..."
    return did_you_mean(axis, known) or (f"known: {', '.join(known)}" if known else "all its axes are fixed already")


def keep_free(
    inputs: Tensors, outputs: Tensors, dynamic: Sequence[str], *, preprocess: Preprocess | None
) -> tuple[Tensors, Tensors]:
    """The tensors with only the axes in `dynamic` left free (none given: all of them); `--dynamic AXIS`.

    An axis that does not stay free has the size of the preprocessing. Raises UsageError for an axis that there is not,
    or that has no such size.
    """
    known = _free(inputs)
    if unknown := [axis for axis in dynamic if axis not in known]:
        raise UsageError(f"--dynamic: there is no free axis {', '.join(unknown)}", hint=f"known: {', '.join(known)}")
    if dynamic and BATCH in known and BATCH not in dynamic:
        raise UsageError(
            f"--dynamic: the batch axis {BATCH} stays free, unless --size {BATCH}=1 fixes it",
            hint=f"--dynamic {BATCH}",
        )
    if not dynamic:
        return inputs, outputs
    closed = [axis for axis in known if axis not in dynamic]
    sizes = usual_sizes(inputs, preprocess)
    if missing := [axis for axis in closed if axis not in sizes]:
        raise UsageError(
            f"--dynamic: no usual size is known for the axis {', '.join(missing)}",
            hint=f"say which: {' '.join(f'--size {axis}=...' for axis in missing)}",
        )
    fixed = {axis: sizes[axis] for axis in closed}
    return (
        {name: spec.bind(fixed) for name, spec in inputs.items()},
        {name: spec.bind(fixed) for name, spec in outputs.items()},
    )


def _free(inputs: Tensors) -> list[str]:
    return list(dict.fromkeys(axis for spec in inputs.values() for axis in spec.free_axes))


def usual_sizes(inputs: Mapping[str, TensorSpec], preprocess: Preprocess | None) -> Sizes:
    """The free axes of pictures at the size that the preprocessing gives them."""
    sizes: Sizes = {}
    if preprocess is None or preprocess.size is None:
        return sizes
    for spec in inputs.values():
        places = (2, 3) if preprocess.layout == "NCHW" else (1, 2)
        for place, size in zip(places, preprocess.size, strict=True):
            axis = spec.parsed[place] if len(spec.axes) == 4 else None
            if axis is not None and axis.name is not None and axis.is_free and not (size - axis.offset) % axis.factor:
                sizes[axis.name] = (size - axis.offset) // axis.factor
    return sizes
