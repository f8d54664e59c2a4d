"""What augmentation does to samples: whole batches at once, each sample by the numbers that are drawn for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 torch's own convention
from torch import Tensor

SHIFT = 1 / 8
"""A crop: the picture moves by up to this part of its side, what is missing is mirrored in."""
TURN, GROW, MOVE = np.deg2rad(10.0), 0.1, 0.1
"""An affine change: radians, part of the size, and part of the side; each up or down."""
BRIGHTER, CONTRAST, SATURATION = 0.2, 0.2, 0.2
"""Colour: by how many standard deviations of the input, and by which part."""
SMALLEST, STRETCH = 0.35, 4 / 3
"""A resized crop: the smallest part of the area, and the largest ratio of its sides beside those of the picture."""
SMALLEST_HOLE, LARGEST_HOLE, HOLE_STRETCH = 0.02, 1 / 3, 3.0
"""Erasing: parts of the area, and the largest ratio of the sides of the hole."""
_RAND = (np.deg2rad(30.0), 0.3, 0.3, 0.2, 0.2, 0.5, 0.5, 0.5)
"""The most of each change of `rand`: radians, two slopes, two parts of the side, and as for colour."""


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
    return _placed(inputs, targets, rows)


def _resized_crop(inputs: Tensor, targets: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
    """A part of the picture, of another area, shape and place, in the size of the whole."""
    area = SMALLEST + (1 - SMALLEST) * (drawn[0] + 1) / 2
    stretch = torch.exp(drawn[1] / 2 * math.log(STRETCH))
    tall, wide = (torch.clamp((area * each).sqrt(), max=1.0) for each in (stretch**2, stretch**-2))
    none = torch.zeros_like(tall)
    rows = torch.stack([wide, none, drawn[2] * (1 - wide), none, tall, drawn[3] * (1 - tall)], dim=1)
    return _placed(inputs, targets, rows)


def _rand(inputs: Tensor, targets: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
    """Two different ones of eight changes, each by an amount of its own: turned, sheared or moved along either axis,
    brighter, of more contrast or colour. After RandAugment (Cubuk et al., 2019); the amounts are drawn, not chosen."""
    count = len(_RAND)
    first = _whole(drawn[0], count)
    second = (first + 1 + _whole(drawn[1], count - 1)) % count
    amounts = torch.zeros(count, len(inputs), dtype=drawn.dtype, device=drawn.device)
    amounts.scatter_(0, torch.stack([first, second]), drawn[2:])
    turn, lean, tilt, right, down, *colour = (each * most for each, most in zip(amounts, _RAND, strict=True))
    cos, sin = torch.cos(turn), torch.sin(turn)
    ratio = inputs.shape[2] / inputs.shape[3]
    rows = torch.stack(
        [cos, (lean - sin) * ratio, right * 2, (sin + tilt) / ratio, cos, down * 2],
        dim=1,
    )
    moved, followed = _placed(inputs, targets, rows)
    return _coloured(moved, *colour), followed


def _whole(drawn: Tensor, count: int) -> Tensor:
    """Numbers uniform in [-1, 1) as whole ones below `count`."""
    return torch.clamp(torch.floor((drawn + 1) / 2 * count), max=count - 1).to(torch.int64)


def _erase(inputs: Tensor, targets: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
    """A box of 0, which is the mean, in every second sample; what is true of the places behind it stays.

    Zhong et al., "Random Erasing Data Augmentation", 2017.
    """
    sides = inputs.shape[2:]
    part = (SMALLEST_HOLE + (LARGEST_HOLE - SMALLEST_HOLE) * (drawn[1] + 1) / 2) ** (1 / len(sides))
    stretch = torch.exp(drawn[2] / 2 * math.log(HOLE_STRETCH)) if len(sides) > 1 else torch.ones_like(part)
    hole = (drawn[0] < 0).reshape(-1, *[1] * len(sides)).expand(-1, *sides)
    for axis, (side, place, shape) in enumerate(zip(sides, drawn[3:], (stretch, 1 / stretch), strict=False)):
        length = torch.clamp(part * shape, max=1.0) * side
        start = (place + 1) / 2 * (side - length)
        points = torch.arange(side, device=inputs.device) + 0.5
        inside = (points >= start[:, None]) & (points < (start + length)[:, None])
        hole = hole & inside.reshape(-1, *[side if number == axis else 1 for number in range(len(sides))])
    return torch.where(hole[:, None], torch.zeros((), dtype=inputs.dtype, device=inputs.device), inputs), targets


def _placed(inputs: Tensor, targets: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Pictures, with their masks or true pictures, each drawn anew through its own affine map, (N, 6)."""
    height, width = inputs.shape[2:]
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
    brightness, contrast, saturation = drawn
    return _coloured(inputs, BRIGHTER * brightness, CONTRAST * contrast, SATURATION * saturation), targets


def _coloured(inputs: Tensor, *amounts: Tensor) -> Tensor:
    brightness, contrast, saturation = (each.reshape(-1, 1, 1, 1) for each in amounts)
    middle = inputs.mean(dim=(1, 2, 3), keepdim=True)
    changed = middle + (inputs - middle) * (1 + contrast) + brightness
    grey = changed.mean(dim=1, keepdim=True)
    return grey + (changed - grey) * (1 + saturation)


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change: (inputs, targets or places, `draws` numbers from [-1, 1) for each sample) -> both, changed.

    `for_sequences`: it is for sequences too. `no_truth_follows`: what it is called, where true pictures cannot be
    changed with their inputs.
    """

    make: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
    draws: int
    for_sequences: bool = False
    no_truth_follows: str = ""

    def __call__(self, inputs: Tensor, targets: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
        """The batch, changed."""
        return self.make(inputs, targets, drawn)


CHANGES: Mapping[str, Change] = {
    "resized-crop": Change(make=_resized_crop, draws=4),
    "flip": Change(make=_flip, draws=1, for_sequences=True),
    "crop": Change(make=_crop, draws=2, for_sequences=True),
    "affine": Change(make=_affine, draws=4),
    "color": Change(make=_color, draws=3, no_truth_follows="a change of colour"),
    "rand": Change(make=_rand, draws=4, no_truth_follows="changes of colour, which are among rand"),
    "erase": Change(make=_erase, draws=5, for_sequences=True, no_truth_follows="holes"),
}
