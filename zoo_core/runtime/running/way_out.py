"""What to do about an input of a size that a model does not take: which size near to it fits, and how to get there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.shapes import Axis, TensorSpec

from .faults import WrongSizeError
from .tiling import JOINED

if TYPE_CHECKING:
    from .model import ExportedModel

_TILE = 256
"""Pixels of a side of a tile that is proposed, where the picture is as large."""


def with_way_out(model: ExportedModel, rows: Mapping[str, NDArray[Any]], error: ZooError) -> ZooError:
    """The error; of a wrong size with a hint that says the nearest size that fits, and how a picture gets there."""
    if not isinstance(error, WrongSizeError):
        return error
    fitting = {name: _fitting(spec, rows[name].shape, model.metadata.largest) for name, spec in _specs(model).items()}
    sides = _sides_of_picture(model)
    if sides is None:
        shapes = " and ".join(f"{name} {shape[1:]}" for name, shape in fitting.items())
        error.hint = error.command_hint = f"cut or pad it: {shapes} would fit"
        return error
    height, width = (next(iter(fitting.values()))[side] for side in sides)
    error.hint = error.command_hint = f"resize or pad it: {width} x {height} pixels (width x height) would fit"
    if model.meaning.gives in JOINED and not model.metadata.baked:
        least = min(next(iter(rows.values())).shape[side] for side in sides)
        tile = _tile(model, sides[0], min(least, _TILE))
        error.command_hint += f"; or --tile {tile}, which takes a picture in its own size"
        error.hint += f"; or predictions(..., tiling=Tiling(size={tile}, overlap={tile // 4}))"
    return error


def _specs(model: ExportedModel) -> Mapping[str, TensorSpec]:
    return model.metadata.inputs


def _sides_of_picture(model: ExportedModel) -> tuple[int, int] | None:
    """Where height and width are in the inputs, where these are pictures."""
    if model.preprocess is None or any(len(spec.axes) != 4 for spec in _specs(model).values()):
        return None
    return (2, 3) if model.preprocess.layout == "NCHW" and not model.metadata.baked else (1, 2)


def _fitting(spec: TensorSpec, shape: tuple[int, ...], largest: Mapping[str, int]) -> tuple[int, ...]:
    """The shape nearest to a given one that this input takes; an axis that occurs twice has one size."""
    sizes: dict[str, int] = {}
    return tuple(_near(axis, size, sizes, largest) for axis, size in zip(spec.parsed, shape, strict=True))


def _near(axis: Axis, size: int, sizes: dict[str, int], largest: Mapping[str, int]) -> int:
    if axis.name is None:
        return axis.size or size
    nearest = max(1, round((size - axis.offset) / axis.factor))
    count = sizes.setdefault(axis.name, min(nearest, largest.get(axis.name, nearest)))
    return axis.factor * count + axis.offset


def _tile(model: ExportedModel, side: int, most: int) -> int:
    """The largest tile of at most so many pixels that the model takes, or its smallest."""
    axis = next(iter(_specs(model).values())).parsed[side]
    if axis.name is None:
        return axis.size or most
    count = min((most - axis.offset) // axis.factor, model.metadata.largest.get(axis.name, most))
    return axis.factor * max(1, count) + axis.offset
