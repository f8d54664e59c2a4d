"""Which sample stands at each place of an epoch: a function of seed, epoch and place alone, whichever the sampler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .placement import derive_seed


@dataclass(frozen=True, kw_only=True)
class Order:
    """An epoch, place by place. `samples`: their numbers in the split; `keys`: what all that is random about each is
    drawn with, which is its number, and another one each further time that it comes."""

    samples: Tensor
    keys: Tensor

    def at(self, start: int, stop: int) -> Order:
        """The places from `start` to `stop`."""
        return Order(samples=self.samples[start:stop], keys=self.keys[start:stop])


Sampler = Callable[[int, int], Order]
"""(seed, epoch) -> the order of the epoch."""


def shuffled(count: int) -> Sampler:
    """Each of `count` samples once."""

    def order(seed: int, epoch: int) -> Order:
        found = _permutation(count, derive_seed(seed, epoch, "order"))
        return Order(samples=found, keys=found)

    return order


def balanced(classes: NDArray[np.int64]) -> Sampler:
    """As many places as there are samples, alike for each class that has any: rare ones come several times, and of
    frequent ones some are left out, others in each epoch. `classes`: of each sample, (N,)."""
    members = [torch.from_numpy(np.flatnonzero(classes == each)) for each in np.unique(classes)]
    count = len(classes)

    def order(seed: int, epoch: int) -> Order:
        # A place is draw number `turn` of class `which`. Where the classes do not divide the places, others
        # have one more in each epoch.
        drawn = _permutation(count, derive_seed(seed, epoch, "balanced"))
        which, turn = (drawn + epoch) % len(members), drawn // len(members)
        samples, keys = torch.empty_like(drawn), torch.empty_like(drawn)
        for number, own in enumerate(members):
            places = torch.nonzero(which == number)[:, 0]
            times = turn[places]
            rounds = -(-len(places) // len(own))
            seeds = [derive_seed(seed, epoch, "balanced", number, again) for again in range(rounds)]
            mixed = [own[_permutation(len(own), each)] for each in seeds]
            samples[places] = torch.cat([own[:0], *mixed])[times]
            keys[places] = samples[places] + count * (times // len(own))
        return Order(samples=samples, keys=keys)

    return order


def _permutation(count: int, seed: int) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))
