"""The feed: a split in memory, on the disk or anywhere, cut into batches, the same ones wherever it lies."""

from __future__ import annotations

import contextlib
import copy
import functools
import itertools
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812 torch's own convention
from numpy.typing import NDArray
from torch import Tensor

from zoo_core.data import rows_in_turn
from zoo_core.errors import UsageError, ZooError

from .augment import Augment
from .distributed.world import ALONE, World
from .input_parts import InputPart, as_tensor
from .mixing import MIXED_FORMS, Mix, MixedTargets
from .sampling import Sampler, shuffled

if TYPE_CHECKING:
    from zoo_core.data import Samples

READY_BYTES = 1 << 30
"""A split that takes no more than this as float32 is prepared once, up front; a bigger one per batch."""

Inputs = Tensor | Mapping[str, Tensor]
"""A batch as the module takes it: the tensor of the only input, or tensors by name in the module's order."""

Targets = Tensor | MixedTargets
"""What is true of the samples of a batch."""

Read = Mapping[str, NDArray[Any]]
"""What was read of the samples of a batch, by input; nothing of inputs that are in memory."""


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
        world: World = ALONE,
    ) -> None:
        """`augment` changes the samples of a training epoch, and of no other pass; `side_in(epoch)` is the part of
        their own side that pictures have in it. `sampler`: which samples it has, and in which order; each once where
        nothing is said. `mix`: each sample of it is mixed with another one, and targets are MixedTargets.
        `world`: the processes that share each batch, whose size `batch_size` stays."""
        self.batch_size = batch_size
        self.channels_last = True
        """Whether pictures with channels first lie in memory as convolutions read them fastest as a rule."""
        self._augment = augment
        self._side_in = side_in
        self._mix = mix
        self._world = world
        self._order = sampler or shuffled(len(samples))
        self.targets = as_tensor(samples.collated).to(device)
        self._masked = samples.is_masked
        if augment is not None and samples.form == "boxes" and (moving := set(augment.names) - {"color", "erase"}):
            raise ZooError(
                f"boxes do not follow their pictures through {', '.join(sorted(moving))}", hint="-t augment=color"
            )
        if augment is not None and len(samples.inputs) > 1:
            raise ZooError("samples of several inputs cannot be augmented", hint="-t augment=none")
        self._parts = {
            name: InputPart(array, samples.recipes.get(name), device=device, ready_bytes=ready_bytes)
            for name, array in samples.inputs.items()
        }
        if mix is not None:
            _check_mixed(samples)

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return len(self._cuts)

    @property
    def mixes(self) -> bool:
        """Whether the samples of a training epoch are mixed with others."""
        return self._mix is not None

    @functools.cached_property
    def sizes(self) -> tuple[int, ...]:
        """Samples in each batch of an epoch."""
        return tuple(stop - start for start, stop in self._cuts)

    def own(self, step: int) -> int:
        """How many samples of a batch are this process's share: the first of those that it is given of the batch."""
        return self._world.share(*self._cuts[step - 1]).own

    def alone(self) -> Feed:
        """The same for one process, which is given whole batches."""
        feed = copy.copy(self)
        feed._world = ALONE
        return feed

    def batch_at(self, step: int, *, seed: int, epoch: int) -> list[int]:
        """The numbers of the samples in a batch of a training epoch; steps count from 1."""
        start, stop = self._cuts[step - 1]
        return [int(number) for number in self._order(seed, epoch).at(start, stop).samples]

    def shuffled(self, *, seed: int, epoch: int, after: int = 0) -> Iterator[tuple[Inputs, Targets]]:
        """The batches of one training epoch, without the first `after` of them: inputs as the model takes them, and
        targets. Nothing is done for what is left out."""
        order = self._order(seed, epoch)
        shares = [self._world.share(start, stop) for start, stop in self._cuts[after:]]
        batches = [order.at(share.start, share.stop) for share in shares]
        partners = [self._partners(chosen.keys, epoch) for chosen in batches]
        wanted = (torch.cat([chosen.samples, *others]) for chosen, others in zip(batches, partners, strict=True))
        with contextlib.closing(self._read(wanted)) as reading:
            for chosen, others, read in zip(batches, partners, reading, strict=True):
                count = len(chosen.samples)
                own = {name: rows[:count] for name, rows in read.items()}
                inputs, true = self._changed(chosen.samples, chosen.keys, epoch, own)
                targets: Targets = true
                if self._mix is not None:
                    rest = {name: rows[count:] for name, rows in read.items()}
                    second = self._changed(others[0], others[0], epoch, rest)
                    inputs, targets = self._mixed(self._mix, (inputs, true), second, keys=chosen.keys, epoch=epoch)
                if self._side_in is not None and (side := self._side_in(epoch)) != 1.0:
                    inputs = {name: _shrunk(value, side) for name, value in inputs.items()}
                yield self._laid_out(inputs), targets

    def _partners(self, keys: Tensor, epoch: int) -> list[Tensor]:
        """The numbers of those that samples with these keys are mixed with, where they are mixed."""
        return [] if self._mix is None else [self._mix.partners(keys, epoch=epoch, count=len(self))]

    def _read(self, wanted: Iterable[Tensor]) -> Generator[Read, None, None]:
        """The rows of each batch of numbers of those inputs that are not in memory."""
        lazy = {name: part.rows for name, part in self._parts.items() if part.rows is not None}
        return rows_in_turn(lazy, (numbers.numpy() for numbers in wanted))

    def _changed(self, numbers: Tensor, keys: Tensor, epoch: int, read: Read) -> tuple[dict[str, Tensor], Tensor]:
        """The samples of these numbers as they are augmented with these keys."""
        chosen, keys = numbers.to(self.targets.device), keys.to(self.targets.device)
        inputs, targets = self._inputs(chosen, read), self.targets[chosen]
        if self._augment is not None:
            name, only = next(iter(inputs.items()))
            places = targets if self._masked else keys  # what has no places stays as it is
            inputs[name], places = self._augment(only, places, index=keys, epoch=epoch)
            targets = places if self._masked else targets
        return inputs, targets

    def _inputs(self, chosen: slice | Tensor, read: Read) -> dict[str, Tensor]:
        return {
            name: part.made_of(read[name]) if name in read else part.at(chosen) for name, part in self._parts.items()
        }

    @staticmethod
    def _mixed(
        mix: Mix,
        first: tuple[Mapping[str, Tensor], Tensor],
        second: tuple[Mapping[str, Tensor], Tensor],
        *,
        keys: Tensor,
        epoch: int,
    ) -> tuple[dict[str, Tensor], MixedTargets]:
        (inputs, targets), (others, true_of_others) = first, second
        name, only = next(iter(inputs.items()))
        mixed, share = mix(only, others[name], keys=keys.to(only.device), epoch=epoch)
        return {name: mixed}, MixedTargets(first=targets, second=true_of_others, share=share)

    def in_order(self) -> Iterator[tuple[Inputs, Tensor]]:
        """Every sample once, in the order of the split. Inputs that have no targets are another process's share."""
        edges = [*range(0, len(self), self.batch_size), len(self)]
        shares = [self._world.share(start, stop, least=1) for start, stop in itertools.pairwise(edges)]
        wanted = (torch.arange(share.start, share.stop) for share in shares)
        with contextlib.closing(self._read(wanted)) as reading:
            for share, read in zip(shares, reading, strict=True):
                inputs = self._inputs(slice(share.start, share.stop), read)
                yield self._laid_out(inputs), self.targets[share.start : share.start + share.own]

    def _laid_out(self, inputs: Mapping[str, Tensor]) -> Inputs:
        last = self.channels_last
        laid = {name: _laid_out(value, self._parts[name].layout, last) for name, value in inputs.items()}
        return laid if len(laid) > 1 else next(iter(laid.values()))

    @functools.cached_property
    def _cuts(self) -> list[tuple[int, int]]:
        edges = [*range(0, len(self), self.batch_size), len(self)]
        if len(edges) > 2 and edges[-1] - edges[-2] == 1:
            del edges[-2]
        return list(itertools.pairwise(edges))


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


def _laid_out(inputs: Tensor, layout: str, channels_last: bool) -> Tensor:
    """Pictures (N, C, h, w) in the axes that the model takes, and in the order in memory that is asked for."""
    if layout == "NHWC":
        return inputs.permute(0, 2, 3, 1).contiguous()
    if inputs.ndim != 4:
        return inputs
    return inputs.contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)


def _shrunk(inputs: Tensor, part: float) -> Tensor:
    if inputs.ndim != 4:
        raise ZooError("only pictures can be made smaller", hint="-t small_first=0")
    size = [max(1, round(side * part)) for side in inputs.shape[2:]]
    return F.interpolate(inputs, size=size, mode="bilinear", antialias=True, align_corners=False)
