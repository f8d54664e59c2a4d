"""One input of all samples of a feed: as the model takes it, or as it is kept and prepared batch by batch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoo_core.data import LazyRows

from .normalize import normalize_tensor

if TYPE_CHECKING:
    from zoo_core.recipes import InputRecipe
    from zoo_core.specs import Preprocess

_CHUNK = 1024


class InputPart:
    """One input of all samples. `rows`: where they are not in memory, what they are read from, batch by batch."""

    def __init__(
        self, stored: Any, recipe: InputRecipe | None, *, device: torch.device | str, ready_bytes: int
    ) -> None:
        self._prepare: Callable[[NDArray[Any]], NDArray[Any]] | None = None
        self._device = device
        self._preprocess, self.layout = _by_channels(None if recipe is None else recipe.preprocess)
        self.rows = stored if isinstance(stored, LazyRows) else None
        if self.rows is not None:
            self._prepare = None if recipe is None or recipe.preprocess is not None else recipe.prepare
            return
        if recipe is not None and recipe.preprocess is None:
            stored, self._prepare = _prepared(stored, recipe, ready_bytes)
        values = as_tensor(stored)
        if self._preprocess is not None and values.numel() * 4 <= ready_bytes:
            values = _normalized(values, self._preprocess)
            self._preprocess = None
        self._values = values if self._prepare is not None else values.to(device)

    def at(self, index: slice | Tensor) -> Tensor:
        """The samples at `index`, pictures with channels first; of those that are in memory."""
        if self._prepare is not None:
            place = index.cpu() if isinstance(index, Tensor) else index
            return self.made_of(self._values[place].numpy())
        chosen = self._values[index]
        return chosen if self._preprocess is None else normalize_tensor(chosen, self._preprocess)

    def made_of(self, stored: NDArray[Any]) -> Tensor:
        """Samples that were read, pictures with channels first."""
        if self._prepare is not None:
            return as_tensor(self._prepare(stored)).to(self._device)
        values = as_tensor(stored).to(self._device)
        return values if self._preprocess is None else normalize_tensor(values, self._preprocess)


def _prepared(
    stored: NDArray[Any], recipe: InputRecipe, ready_bytes: int
) -> tuple[NDArray[Any], Callable[[NDArray[Any]], NDArray[Any]] | None]:
    """The inputs themselves where they take no more than so many bytes, else what is kept and what prepares it."""
    first = recipe.prepare(stored[:1])
    if first.nbytes * len(stored) > ready_bytes:
        return stored, recipe.prepare
    ready = np.empty((len(stored), *first.shape[1:]), first.dtype)
    for start in range(0, len(stored), _CHUNK):
        ready[start : start + _CHUNK] = recipe.prepare(stored[start : start + _CHUNK])
    return ready, None


def _by_channels(preprocess: Preprocess | None) -> tuple[Preprocess | None, str]:
    """The recipe with channels before places, as augmentation wants them, and the layout that the model takes."""
    if preprocess is None:
        return None, "NCHW"
    return dataclasses.replace(preprocess, layout="NCHW"), preprocess.layout


def _normalized(stored: Tensor, preprocess: Preprocess) -> Tensor:
    # In pieces, so that the temporaries of the arithmetic stay small beside the result.
    first = normalize_tensor(stored[:_CHUNK], preprocess)
    ready = torch.empty((len(stored), *first.shape[1:]), dtype=first.dtype)
    ready[:_CHUNK] = first
    for start in range(_CHUNK, len(stored), _CHUNK):
        ready[start : start + _CHUNK] = normalize_tensor(stored[start : start + _CHUNK], preprocess)
    return ready


def as_tensor(array: NDArray[Any]) -> Tensor:
    """The array as a tensor, on the memory of the array where that may be written to."""
    # torch warns about arrays it could not write to; a copy is the only way to keep both sides honest.
    return torch.from_numpy(array if array.flags.writeable else np.array(array))
