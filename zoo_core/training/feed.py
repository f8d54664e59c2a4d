"""The feed: a split held in memory, cut into batches by slicing, never one sample at a time."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 torch's own convention
from numpy.typing import NDArray
from torch import Tensor

from zoo_core.errors import UsageError, ZooError

from .augment import Augment
from .mixing import MIXED_FORMS, Mix, MixedTargets
from .normalize import normalize_tensor
from .sampling import Sampler, shuffled

if TYPE_CHECKING:
    from zoo_core.data import Samples
    from zoo_core.recipes import InputRecipe
    from zoo_core.specs import Preprocess

READY_BYTES = 1 << 30
"""A split that takes no more than this as float32 is prepared once, up front; a bigger one per batch."""

_CHUNK = 1024

Inputs = Tensor | Mapping[str, Tensor]
"""A batch as the module takes it: the tensor of the only input, or tensors by name in the module's order."""

Targets = Tensor | MixedTargets
"""What is true of the samples of a batch."""


class Feed:
    """The batches of one split.

    The order of an epoch depends on (seed, epoch) and nothing else, so a resumed run needs no state from here. A last
    batch of a single sample joins the batch before it: batch normalisation cannot train on one value.
    """

    def __init__(
        self,
        samples: Samples,
        *,
        batch_size: int,
        device: torch.device | str = "cpu",
        augment: Augment | None = None,
        side_in: Callable[[int], float] | None = None,
        sampler: Sampler | None = None,
        mix: Mix | None = None,
        ready_bytes: int = READY_BYTES,
    ) -> None:
        """`augment` changes the samples of a training epoch, and of no other pass; `side_in(epoch)` is the part of
        their own side that pictures have in it. `sampler`: which samples it has, and in which order; each once where
        nothing is said. `mix`: each sample of it is mixed with another one, and targets are MixedTargets."""
        self.batch_size = batch_size
        self._augment = augment
        self._side_in = side_in
        self._mix = mix
        self._order = sampler or shuffled(len(samples))
        self.targets = _tensor(samples.collated).to(device)
        self._masked = samples.is_masked
        if augment is not None and samples.form == "boxes" and (moving := set(augment.names) - {"color", "erase"}):
            raise ZooError(
                f"boxes do not follow their pictures through {', '.join(sorted(moving))}", hint="-t augment=color"
            )
        if augment is not None and len(samples.inputs) > 1:
            raise ZooError("samples of several inputs cannot be augmented", hint="-t augment=none")
        self._parts = {
            name: _Part(array, samples.recipes.get(name), device=device, ready_bytes=ready_bytes)
            for name, array in samples.inputs.items()
        }
        if mix is not None:
            _check_mixed(samples)

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return len(self._cuts())

    @property
    def mixes(self) -> bool:
        """Whether the samples of a training epoch are mixed with others."""
        return self._mix is not None

    @property
    def sizes(self) -> tuple[int, ...]:
        """Samples in each batch of an epoch."""
        return tuple(stop - start for start, stop in self._cuts())

    def batch_at(self, step: int, *, seed: int, epoch: int) -> list[int]:
        """The numbers of the samples in a batch of a training epoch; steps count from 1."""
        start, stop = self._cuts()[step - 1]
        return [int(number) for number in self._order(seed, epoch).at(start, stop).samples]

    def shuffled(self, *, seed: int, epoch: int, after: int = 0) -> Iterator[tuple[Inputs, Targets]]:
        """The batches of one training epoch, without the first `after` of them: inputs as the model takes them, and
        targets. Nothing is done for what is left out."""
        order = self._order(seed, epoch)
        for start, stop in self._cuts()[after:]:
            chosen = order.at(start, stop)
            inputs, true = self._changed(chosen.samples, chosen.keys, epoch)
            targets: Targets = true
            if self._mix is not None:
                inputs, targets = self._mixed(self._mix, inputs, true, keys=chosen.keys, epoch=epoch)
            if self._side_in is not None and (side := self._side_in(epoch)) != 1.0:
                inputs = {name: _shrunk(value, side) for name, value in inputs.items()}
            yield self._laid_out(inputs), targets

    def _changed(self, numbers: Tensor, keys: Tensor, epoch: int) -> tuple[dict[str, Tensor], Tensor]:
        """The samples of these numbers as they are augmented with these keys."""
        chosen, keys = numbers.to(self.targets.device), keys.to(self.targets.device)
        inputs, targets = {name: part.at(chosen) for name, part in self._parts.items()}, self.targets[chosen]
        if self._augment is not None:
            name, only = next(iter(inputs.items()))
            places = targets if self._masked else keys  # what has no places stays as it is
            inputs[name], places = self._augment(only, places, index=keys, epoch=epoch)
            targets = places if self._masked else targets
        return inputs, targets

    def _mixed(
        self, mix: Mix, inputs: Mapping[str, Tensor], targets: Tensor, *, keys: Tensor, epoch: int
    ) -> tuple[dict[str, Tensor], MixedTargets]:
        partners = mix.partners(keys, epoch=epoch, count=len(self))
        others, second = self._changed(partners, partners, epoch)
        name, only = next(iter(inputs.items()))
        mixed, share = mix(only, others[name], keys=keys.to(only.device), epoch=epoch)
        return {name: mixed}, MixedTargets(first=targets, second=second, share=share)

    def in_order(self) -> Iterator[tuple[Inputs, Tensor]]:
        """Every sample once, in the order of the split."""
        for start in range(0, len(self), self.batch_size):
            chosen = slice(start, start + self.batch_size)
            inputs = {name: part.at(chosen) for name, part in self._parts.items()}
            yield self._laid_out(inputs), self.targets[chosen]

    def _laid_out(self, inputs: Mapping[str, Tensor]) -> Inputs:
        laid = {name: _laid_out(value, self._parts[name].layout) for name, value in inputs.items()}
        return laid if len(laid) > 1 else next(iter(laid.values()))

    def _cuts(self) -> list[tuple[int, int]]:
        edges = [*range(0, len(self), self.batch_size), len(self)]
        if len(edges) > 2 and edges[-1] - edges[-2] == 1:
            del edges[-2]
        return list(itertools.pairwise(edges))


class _Part:
    """One input of all samples: as the model takes it, or as it is kept, and prepared batch by batch."""

    def __init__(
        self, stored: NDArray[Any], recipe: InputRecipe | None, *, device: torch.device | str, ready_bytes: int
    ) -> None:
        self._prepare: Callable[[NDArray[Any]], NDArray[Any]] | None = None
        if recipe is not None and recipe.preprocess is None:
            stored, self._prepare = _prepared(stored, recipe, ready_bytes)
        self._device = device
        values = _tensor(stored)
        self._preprocess, self.layout = _by_channels(None if recipe is None else recipe.preprocess)
        if self._preprocess is not None and values.numel() * 4 <= ready_bytes:
            values = _normalized(values, self._preprocess)
            self._preprocess = None
        self._values = values if self._prepare is not None else values.to(device)

    def at(self, index: slice | Tensor) -> Tensor:
        """The samples at `index`, pictures with channels first."""
        if self._prepare is not None:
            place = index.cpu() if isinstance(index, Tensor) else index
            return _tensor(self._prepare(self._values[place].numpy())).to(self._device)
        chosen = self._values[index]
        return chosen if self._preprocess is None else normalize_tensor(chosen, self._preprocess)


def _check_mixed(samples: Samples) -> None:
    """Raise UsageError for samples that cannot be mixed."""
    leave_out = "leave out mixup and cutmix"
    if samples.form not in MIXED_FORMS:
        raise UsageError(
            f"mixup and cutmix are for {' and '.join(MIXED_FORMS)}; what is true of these samples is {samples.form}",
            hint=leave_out,
        )
    if len(samples.inputs) > 1:
        raise UsageError("samples of several inputs cannot be mixed", hint=leave_out)
    if next(iter(samples.arrays(slice(0, 1)).values())).dtype.kind != "f":
        raise UsageError(
            "mixup and cutmix are for inputs that are amounts, and these are numbers of things", hint=leave_out
        )


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


def _laid_out(inputs: Tensor, layout: str) -> Tensor:
    """Pictures (N, C, h, w) in the axes that the model takes; those with channels first lie in memory as convolutions
    read them fastest, on processors and on accelerators."""
    if layout == "NHWC":
        return inputs.permute(0, 2, 3, 1).contiguous()
    return inputs.contiguous(memory_format=torch.channels_last) if inputs.ndim == 4 else inputs


def _shrunk(inputs: Tensor, part: float) -> Tensor:
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
