"""What is inside a model: kernels of a convolution and values after a layer, whether it is a run or an export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import Preprocess, TensorSpec, UsageError, ZooError, did_you_mean
from zoo_core.data import normalize, prepare_pictures
from zoo_core.runtime import read_sequence, sequence_input

_MOST_LISTED = 60


@dataclass(frozen=True, kw_only=True)
class Kernels:
    """The weights of one convolution, float32 (out, in, ...). `first`: it is the first one, which sees the input."""

    layer: str
    values: NDArray[np.float32]
    first: bool


@dataclass(frozen=True, kw_only=True)
class Maps:
    """What one layer gives for one input, without the batch axis; of a layer that is called often, its last call."""

    layer: str
    values: NDArray[Any]
    calls: int = 1


@dataclass(frozen=True, kw_only=True)
class Why:
    """How much each place of a picture counts for the class that is decided, float64 (h, w); above 0 it speaks for it.

    `told`: what more is said of it.
    """

    values: NDArray[np.float64]
    decided: int
    probability: float
    told: str


@dataclass(frozen=True, kw_only=True)
class Given:
    """One input file: as it is drawn, (C, h, w) or (C, L), and as the model takes it, a batch of one."""

    path: Path
    stored: NDArray[Any]
    batch: NDArray[np.float32]


def read_input(path: Path, *, preprocess: Preprocess | None, inputs: Mapping[str, TensorSpec]) -> Given:
    """A picture, prepared by the recipe, or a sequence where there is none.

    Raises ZooError or RefusedFileError for other files, and for those that cannot be read.
    """
    if preprocess is not None and any(spec.dtype == "uint8" for spec in inputs.values()):
        raise ZooError(
            f"{path}: layers are drawn of what a model gets, and this file prepares its pictures itself",
            hint="name its run, or the export without --bake-preprocess",
        )
    if preprocess is not None:
        stored = prepare_pictures([path], preprocess)
        return Given(path=path, stored=stored[0], batch=normalize(stored, preprocess))
    values = read_sequence(path)
    batch = sequence_input(values, next(iter(inputs.values())), where=str(path))
    return Given(path=path, stored=values.T, batch=batch)


def within(name: str, layer: str) -> bool:
    """Whether a module is the layer, or a part of it."""
    return name == layer or name.startswith(f"{layer}.")


def unknown_layer(shown: str, layer: str, names: Sequence[str]) -> UsageError:
    """The error for a layer that is not there: what is near, and what there is."""
    near = did_you_mean(layer, names)
    hint = near if near.startswith("Known") else f"{near} {listed_layers(names)}".strip()
    return UsageError(f"{shown} has no layer {layer!r}", hint=hint)


def listed_layers(names: Sequence[str]) -> str:
    """The layers in a sentence, in their order."""
    listed = ", ".join(names[:_MOST_LISTED])
    return f"Layers: {listed}" + (f" and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else "")


def no_convolution(shown: str, layer: str | None, names: Sequence[str]) -> UsageError:
    """The error for a model, or a layer of it, without kernels to draw; `names` are the convolutions that there are."""
    where = f"layer {layer!r} of {shown}" if layer else shown
    hint = f"convolutions: {', '.join(names[:_MOST_LISTED])}" if names else "--what activations shows any layer"
    return UsageError(f"{where} has no convolution over pictures or sequences", hint=hint)
