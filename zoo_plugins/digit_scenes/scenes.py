"""How a scene is made: raw integers of Philox, whose stream numpy freezes, and Pillow's resizing in whole numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zoo_core import open_zoo
from zoo_core.data import ArraySplit, BoxTargets, bind_dataset

from .side import SIDE

SMALLEST, LARGEST = 14, 40
INK = 64
"""A pixel of a digit, 0 to 255, that counts as ink: boxes go around these."""
MOST_OVERLAP = 0.05
TRIES = 30
_STREAMS = {"train": 0, "validation": 1, "test": 2}

Box = tuple[int, int, int, int]


class Dice:
    """Whole numbers for one scene."""

    def __init__(self, seed: int, split: str, scene: int) -> None:
        self._bits = np.random.Philox(key=np.array([seed, _STREAMS[split] << 32 | scene], np.uint64))

    def below(self, count: int) -> int:
        """0 to count - 1."""
        return int(self._bits.random_raw()) % count

    def noise(self) -> NDArray[np.uint8]:
        """A byte for each pixel, (SIDE, SIDE)."""
        return self._bits.random_raw(SIDE * SIDE // 8).astype("<u8").view(np.uint8).reshape(SIDE, SIDE)


def make_scenes(split: str, *, count: int, most: int, seed: int) -> ArraySplit:
    """`count` scenes, uint8 (count, SIDE, SIDE), and the boxes of their digits."""
    digits = bind_dataset(open_zoo().dataset("digits"), {}).load(split)
    made = [_scene(Dice(seed, split, scene), digits.main[:, 0], digits.targets, most=most) for scene in range(count)]
    targets = BoxTargets.of([(boxes, classes) for _, boxes, classes in made])
    return ArraySplit(inputs=np.stack([picture for picture, _, _ in made]), targets=targets)


def _scene(
    dice: Dice, digits: NDArray[np.uint8], labels: NDArray[np.int64], *, most: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.int64]]:
    level, spread = 20 + dice.below(70), 20 + dice.below(60)
    picture = (level + dice.noise().astype(np.int64) * spread // 255).astype(np.int64)
    boxes: list[Box] = []
    classes: list[int] = []
    for _ in range(dice.below(most + 1)):
        chosen, side = dice.below(len(digits)), SMALLEST + dice.below(LARGEST - SMALLEST + 1)
        ink = np.asarray(Image.fromarray(digits[chosen]).resize((side, side), Image.Resampling.BILINEAR), np.int64)
        brightness = 150 + dice.below(106)
        for _ in range(TRIES):
            top, left = dice.below(SIDE - side + 1), dice.below(SIDE - side + 1)
            box = _around(ink, top, left)
            if all(_overlap(box, other) <= MOST_OVERLAP for other in boxes):
                part = picture[top : top + side, left : left + side]
                part += (brightness - part) * ink // 255
                boxes.append(box)
                classes.append(int(labels[chosen]))
                break
    return picture.astype(np.uint8), np.array(boxes, np.float32).reshape(-1, 4), np.array(classes, np.int64)


def _around(ink: NDArray[np.int64], top: int, left: int) -> Box:
    rows, columns = np.flatnonzero((ink >= INK).any(axis=1)), np.flatnonzero((ink >= INK).any(axis=0))
    return left + int(columns[0]), top + int(rows[0]), left + int(columns[-1]) + 1, top + int(rows[-1]) + 1


def _overlap(first: Box, second: Box) -> float:
    """How much of the smaller box lies in the other one."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return max(width, 0) * max(height, 0) / min(areas)
