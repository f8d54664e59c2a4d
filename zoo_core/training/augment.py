"""Augmentation of a whole batch at once; what happens to a sample belongs to it, and not to its place in a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 torch's own convention
from numpy.typing import NDArray
from torch import Tensor

from zoo_core.errors import ZooError

from .placement import derive_seed

SHIFT = 1 / 8
"""A crop: the picture moves by up to this part of its side, what is missing is mirrored in."""
TURN, GROW, MOVE = np.deg2rad(10.0), 0.1, 0.1
"""An affine change: radians, part of the size, and part of the side; each up or down."""
BRIGHTER, CONTRAST, SATURATION = 0.2, 0.2, 0.2
"""Colour: by how many standard deviations of the input, and by which part."""


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
        if inputs.ndim == 3 and (wrong := [name for name in self.names if name not in _FOR_SEQUENCES]):
            raise ZooError(f"sequences cannot be augmented with {', '.join(wrong)}", hint="augment=none, or flip,crop")
        if targets.ndim == 4:
            self._check_true_pictures(inputs, targets)
        follows = targets.ndim == 4 or targets.shape[1:] == inputs.shape[2:]
        placed = targets if follows else index
        for name in self.names:
            drawn = uniform(derive_seed(self.seed, epoch, "augment", name), index, count=_DRAWN[name])
            inputs, placed = _CHANGES[name](inputs, placed, drawn)
        return inputs, placed if follows else targets

    def _check_true_pictures(self, inputs: Tensor, targets: Tensor) -> None:
        if "color" in self.names:
            raise ZooError("true pictures do not follow a change of colour", hint="-t augment=flip, or crop, or affine")
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


def _flip(inputs: Tensor, targets: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
    """Left and right, in every second sample."""
    wanted = drawn[0] < 0

    def turned(value: Tensor) -> Tensor:
        return torch.where(wanted.reshape(-1, *[1] * (value.ndim - 1)), value.flip(-1), value)

    return turned(inputs), turned(targets) if targets.ndim > 1 else targets


def _crop(inputs: Tensor, targets: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
    """Shifted along every side."""
    sides = inputs.shape[2:]
    places = [_mirrored(side, drawn[number]) for number, side in enumerate(sides)]

    def shifted(value: Tensor, first: int) -> Tensor:
        for number, place in enumerate(places):
            axis = first + number
            shape = [1] * value.ndim
            shape[0], shape[axis] = place.shape
            value = value.gather(axis, place.reshape(shape).expand(value.shape))
        return value

    return shifted(inputs, 2), shifted(targets, targets.ndim - len(sides)) if targets.ndim > 1 else targets


def _mirrored(side: int, drawn: Tensor) -> Tensor:
    """For each sample the places that its new places come from, (N, side)."""
    most = min(int(side * SHIFT), side - 1)
    shift = torch.floor((drawn + 1) / 2 * (2 * most + 1)).to(torch.int64) - most
    place = (torch.arange(side, device=drawn.device) + shift[:, None]).abs()
    return side - 1 - (side - 1 - place).abs()


def _affine(inputs: Tensor, targets: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
    """Turned, grown or shrunk, and moved; what is missing is mirrored in."""
    turn, grow = drawn[0] * TURN, 1 + drawn[1] * GROW
    cos, sin = torch.cos(turn) * grow, torch.sin(turn) * grow
    height, width = inputs.shape[2:]
    ratio = height / width
    rows = torch.stack([cos, -sin * ratio, drawn[2] * 2 * MOVE, sin / ratio, cos, drawn[3] * 2 * MOVE], dim=1)
    grid = F.affine_grid(rows.reshape(-1, 2, 3), [len(inputs), 1, height, width], align_corners=False)
    moved = F.grid_sample(inputs, grid.to(inputs.dtype), padding_mode="reflection", align_corners=False)
    if targets.ndim == 1:
        return moved, targets
    if targets.ndim == 4:
        return moved, _moved_truth(targets, rows)
    masks = targets[:, None].to(grid.dtype)
    found = F.grid_sample(masks, grid, mode="nearest", padding_mode="reflection", align_corners=False)
    return moved, found[:, 0].round().to(targets.dtype)


def _moved_truth(targets: Tensor, rows: Tensor) -> Tensor:
    """True pictures, in their own size, as their inputs: between pixels, as a picture, and in the same numbers."""
    grid = F.affine_grid(rows.reshape(-1, 2, 3), list(targets.shape), align_corners=False)
    found = F.grid_sample(targets.to(grid.dtype), grid, padding_mode="reflection", align_corners=False)
    return found if targets.is_floating_point() else found.round().to(targets.dtype)


def _color(inputs: Tensor, targets: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
    """Brightness, contrast about the picture's own mean, and saturation; inputs are already normalised."""
    brightness, contrast, saturation = (each.reshape(-1, 1, 1, 1) for each in drawn)
    middle = inputs.mean(dim=(1, 2, 3), keepdim=True)
    changed = middle + (inputs - middle) * (1 + CONTRAST * contrast) + BRIGHTER * brightness
    grey = changed.mean(dim=1, keepdim=True)
    return grey + (changed - grey) * (1 + SATURATION * saturation), targets


Change = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]

_CHANGES: Mapping[str, Change] = {"flip": _flip, "crop": _crop, "affine": _affine, "color": _color}
_DRAWN: Mapping[str, int] = {"flip": 1, "crop": 2, "affine": 4, "color": 3}
_FOR_SEQUENCES = ("flip", "crop")
