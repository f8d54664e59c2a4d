"""The feed: a split held in memory, cut into batches by slicing, never one sample at a time."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 torch's own convention
from numpy.typing import NDArray
from torch import Tensor

from zoo_core.errors import ZooError

from .augment import Augment
from .normalize import normalize_tensor
from .placement import derive_seed

if TYPE_CHECKING:
    from zoo_core.data import Samples
    from zoo_core.specs import Preprocess

READY_BYTES = 1 << 30
"""A split that takes no more than this as float32 is normalised once, up front; a bigger one per batch."""

_CHUNK = 1024


class Feed:
    """The batches of one split.

    The order of an epoch depends on (seed, epoch) and nothing else, so a resumed run needs no state from
    here. A last batch of a single sample joins the batch before it: batch normalisation cannot train on one
    value.
    """

    def __init__(
        self,
        samples: Samples,
        *,
        batch_size: int,
        device: torch.device | str = "cpu",
        augment: Augment | None = None,
        side_in: Callable[[int], float] | None = None,
        ready_bytes: int = READY_BYTES,
    ) -> None:
        """`augment` changes the samples of a training epoch, and of no other pass; `side_in(epoch)` is the part of
        their own side that pictures have in it."""
        self.batch_size = batch_size
        self._augment = augment
        self._side_in = side_in
        self.targets = _tensor(samples.targets).to(device)
        stored = _tensor(samples.inputs)
        self._preprocess, self._layout = _by_channels(samples.preprocess)
        if self._preprocess is not None and stored.numel() * 4 <= ready_bytes:
            stored = _normalized(stored, self._preprocess)
            self._preprocess = None
        self._stored = stored.to(device)

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return len(self._cuts())

    def shuffled(self, *, seed: int, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of one training epoch: float32 inputs as the model takes them, and targets."""
        generator = torch.Generator().manual_seed(derive_seed(seed, epoch, "order"))
        order = torch.randperm(len(self), generator=generator).to(self.targets.device)
        for start, stop in self._cuts():
            chosen = order[start:stop]
            inputs, targets = self._ready(self._stored[chosen]), self.targets[chosen]
            if self._augment is not None:
                inputs, targets = self._augment(inputs, targets, index=chosen, epoch=epoch)
            if self._side_in is not None:
                inputs = _shrunk(inputs, self._side_in(epoch))
            yield _laid_out(inputs, self._layout), targets

    def in_order(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Every sample once, in the order of the split."""
        for start in range(0, len(self), self.batch_size):
            stop = start + self.batch_size
            yield _laid_out(self._ready(self._stored[start:stop]), self._layout), self.targets[start:stop]

    def _ready(self, stored: Tensor) -> Tensor:
        return stored if self._preprocess is None else normalize_tensor(stored, self._preprocess)

    def _cuts(self) -> list[tuple[int, int]]:
        edges = [*range(0, len(self), self.batch_size), len(self)]
        if len(edges) > 2 and edges[-1] - edges[-2] == 1:
            del edges[-2]
        return list(itertools.pairwise(edges))


def _by_channels(preprocess: Preprocess | None) -> tuple[Preprocess | None, str]:
    """The recipe with channels before places, as augmentation wants them, and the layout that the model takes."""
    if preprocess is None:
        return None, "NCHW"
    return dataclasses.replace(preprocess, layout="NCHW"), preprocess.layout


def _laid_out(inputs: Tensor, layout: str) -> Tensor:
    """Pictures (N, C, h, w) in the axes that the model takes; those with channels first lie in memory as convolutions
    read them fastest, on processors and on accelerators."""
    if layout == "NHWC":
        return inputs.permute(0, 2, 3, 1).contiguous()
    return inputs.contiguous(memory_format=torch.channels_last) if inputs.ndim == 4 else inputs


def _shrunk(inputs: Tensor, part: float) -> Tensor:
    if part == 1.0:
        return inputs
    if inputs.ndim != 4:
        raise ZooError("only pictures can be made smaller", hint="-t small_first=0")
    size = [max(1, round(side * part)) for side in inputs.shape[2:]]
    return F.interpolate(inputs, size=size, mode="bilinear", antialias=True, align_corners=False)


def _normalized(stored: Tensor, preprocess: Preprocess) -> Tensor:
    # In pieces, so that the temporaries of the arithmetic stay small beside the result.
    first = normalize_tensor(stored[:_CHUNK], preprocess)
    ready = torch.empty((len(stored), *first.shape[1:]), dtype=first.dtype)
    ready[:_CHUNK] = first
    for start in range(_CHUNK, len(stored), _CHUNK):
        ready[start : start + _CHUNK] = normalize_tensor(stored[start : start + _CHUNK], preprocess)
    return ready


def _tensor(array: NDArray[Any]) -> Tensor:
    # torch warns about arrays it could not write to; a copy is the only way to keep both sides honest.
    return torch.from_numpy(array if array.flags.writeable else np.array(array))
