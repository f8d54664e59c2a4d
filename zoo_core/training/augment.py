"""Augmentation of a whole batch at once; what happens to a sample belongs to it, and not to its place in a batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoo_core.errors import ZooError

from .changes import CHANGES
from .placement import derive_seed


@dataclass(frozen=True, kw_only=True)
class Augment:
    """Changes training samples: pictures (N, C, H, W) or sequences (N, C, L), and masks or true pictures with them.

    What happens to a sample depends on (seed, epoch, its index in the split) alone: in any batch, in any order, it is
    the same, bit by bit. `names`: some of AUGMENTATIONS, in their order.
    """

    names: tuple[str, ...]
    seed: int

    def __call__(self, inputs: Tensor, targets: Tensor, *, index: Tensor, epoch: int) -> tuple[Tensor, Tensor]:
        """The batch, changed; masks (N, H, W) or (N, L) and true pictures (N, C, H, W) follow, all other targets stay.
        `index`: (N,).

        Raises ZooError for a change that these inputs, or their true pictures, have no place for.
        """
        if inputs.ndim not in {3, 4}:
            raise ZooError(f"inputs of shape {tuple(inputs.shape)} cannot be augmented", hint="augment=none")
        if inputs.ndim == 3 and (wrong := [name for name in self.names if not CHANGES[name].for_sequences]):
            raise ZooError(f"sequences cannot be augmented with {', '.join(wrong)}", hint="augment=none, or flip,crop")
        if targets.ndim == 4:
            self._check_true_pictures(inputs, targets)
        follows = targets.ndim == 4 or targets.shape[1:] == inputs.shape[2:]
        placed = targets if follows else index
        for name in self.names:
            change = CHANGES[name]
            drawn = uniform(derive_seed(self.seed, epoch, "augment", name), index, count=change.draws)
            inputs, placed = change(inputs, placed, drawn)
        return inputs, placed if follows else targets

    def _check_true_pictures(self, inputs: Tensor, targets: Tensor) -> None:
        if wrong := [words for name in self.names if (words := CHANGES[name].no_truth_follows)]:
            raise ZooError(
                f"true pictures do not follow {' and '.join(wrong)}", hint="-t augment=flip, or crop, or affine"
            )
        if "crop" in self.names and targets.shape[2:] != inputs.shape[2:]:
            raise ZooError(
                "true pictures larger than their inputs cannot be augmented with crop",
                hint="-t augment=flip, or affine",
            )


def uniform(key: int, index: Tensor, *, count: int) -> Tensor:
    """`count` numbers from [-1, 1) for each sample, float32 of the shape (count, N): a function of key and index."""
    samples: NDArray[np.uint64] = index.cpu().numpy().astype(np.uint64)
    places = np.arange(count, dtype=np.uint64)[:, np.newaxis]
    with np.errstate(over="ignore"):
        mixed = _mix(_mix(samples[np.newaxis] + np.uint64(key)) + places)
    drawn = (mixed >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)
    return torch.from_numpy(drawn).to(index.device)


def _mix(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finalizer of SplitMix64 (Steele, Lea and Flood, 2014): every bit of the result hangs on every bit given."""
    value = value + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    result: NDArray[np.uint64] = value ^ (value >> np.uint64(31))
    return result
