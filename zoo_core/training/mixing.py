"""Mixup and cutmix: a sample with a part of another one in it, and of both what is true of them.

Sources: Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2018; Yun et al., "CutMix", 2019.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoo_core.errors import UsageError

from .augment import uniform
from .placement import derive_seed

MIXED_FORMS = ("classes", "flags")
"""What a truth can be of which a sample may hold a part: the TargetForm of a task."""

_GRID = 2049


@dataclass(frozen=True, kw_only=True)
class MixedTargets:
    """What is true of mixed samples: `first` by the part `share`, (N,), and `second` by the rest."""

    first: Tensor
    second: Tensor
    share: Tensor

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True, kw_only=True)
class Mix:
    """Mixes training samples with others of the whole split.

    Which other one, how and how much depends on (seed, epoch, the sample's key) alone, as for `Augment`. `mixup` and
    `cutmix`: a and a of Beta(a, a), the part that stays of a sample; 0 for none, and with both each second sample is
    mixed in each way.
    """

    mixup: float
    cutmix: float
    seed: int

    def partners(self, keys: Tensor, *, epoch: int, count: int) -> Tensor:
        """The numbers of the samples, out of `count`, that those with these keys are mixed with."""
        drawn = self._drawn("partner", keys, epoch)[0].double()
        return torch.clamp(torch.floor((drawn + 1) / 2 * count), max=count - 1).to(torch.int64)

    def __call__(self, inputs: Tensor, others: Tensor, *, keys: Tensor, epoch: int) -> tuple[Tensor, Tensor]:
        """The mixed inputs, and the part of each that is its own."""
        wide = [-1] + [1] * (inputs.ndim - 1)
        share = torch.from_numpy(_beta(self._drawn("share", keys, epoch)[0].cpu().numpy(), self.mixup or 1.0))
        share = share.to(inputs.device, inputs.dtype)
        blended = others + (inputs - others) * share.reshape(wide)
        if not self.cutmix:
            return blended, share
        if inputs.ndim < 3:
            raise UsageError("cutmix is for pictures and sequences", hint="-t mixup=0.2 mixes others")
        kept = torch.from_numpy(_beta(self._drawn("kept", keys, epoch)[0].cpu().numpy(), self.cutmix))
        cut = _patches(inputs, kept.to(inputs.device), self._drawn("place", keys, epoch, count=inputs.ndim - 2))
        patched = torch.where(cut, others, inputs)
        stays = 1 - cut.reshape(len(cut), -1).to(inputs.dtype).mean(1)
        if not self.mixup:
            return patched, stays
        blends = self._drawn("way", keys, epoch)[0] < 0
        return torch.where(blends.reshape(wide), blended, patched), torch.where(blends, share, stays)

    def _drawn(self, what: str, keys: Tensor, epoch: int, *, count: int = 1) -> Tensor:
        return uniform(derive_seed(self.seed, epoch, "mix", what), keys, count=count)


def _patches(inputs: Tensor, kept: Tensor, places: Tensor) -> Tensor:
    """Where another sample shows: a box about a place, of which only what is inside counts, (N, 1, ...)."""
    sides = inputs.shape[2:]
    part = (1 - kept) ** (1 / len(sides))
    cut = torch.ones((len(inputs), *sides), dtype=torch.bool, device=inputs.device)
    for axis, (side, place) in enumerate(zip(sides, places, strict=True)):
        middle, reach = (place.double() + 1) / 2 * side, part.double() * side / 2
        points = torch.arange(side, device=inputs.device, dtype=torch.float64) + 0.5
        inside = (points[None] - middle[:, None]).abs() < reach[:, None]
        cut &= inside.reshape([len(inputs), *[side if number == axis else 1 for number in range(len(sides))]])
    return cut[:, None]


def _beta(drawn: NDArray[np.float32], shape: float) -> NDArray[np.float64]:
    """Numbers uniform in [-1, 1) as numbers of Beta(shape, shape): the quantiles, to about four digits.

    The lower half is x = v ** (1 / shape) / 2 for v in [0, 1], where the density by v has no pole; the upper half
    mirrors it.
    """
    value = np.linspace(0.0, 1.0, _GRID)
    half = value ** (1 / shape) / 2
    density = (1 - half) ** (shape - 1)
    summed = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    found = np.interp(1 - np.abs(drawn.astype(np.float64)), summed / summed[-1], value) ** (1 / shape) / 2
    parts: NDArray[np.float64] = np.where(drawn < 0, found, 1 - found)
    return parts
