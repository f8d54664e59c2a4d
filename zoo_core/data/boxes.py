"""Boxes as targets: each picture has its own number of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.picture_geometry import prepared_place
from zoo_core.specs import Preprocess

from .hashing import hash_array

COLUMNS = 6
"""Of a padded row: x1, y1, x2, y2, the number of the class, and 1 for a crowd."""
NO_BOX = -1
"""The class number of a row that only fills up."""

Index = slice | NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class BoxTargets:
    """The boxes of N pictures, one picture after the other.

    `boxes`: float32 (M, 4): x1, y1, x2, y2 in pixels from the upper left corner. `classes`: class numbers, int64 (M,).
    `counts`: how many boxes each picture has, int64 (N,). `crowd`: bool (M,), a box around many things of its class:
    what is found inside is neither right nor wrong; none unless given. `relative`: the boxes are in parts of the width
    and the height of their picture; of Samples they never are. Raises ZooError where these do not fit.
    """

    boxes: NDArray[np.float32]
    classes: NDArray[np.int64]
    counts: NDArray[np.int64]
    crowd: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    relative: bool = False

    def __post_init__(self) -> None:
        boxes = np.asarray(self.boxes, np.float32).reshape(-1, 4)
        crowd = np.asarray(self.crowd, np.bool_) if len(self.crowd) else np.zeros(len(boxes), np.bool_)
        classes, counts = np.asarray(self.classes), np.asarray(self.counts, np.int64)
        if classes.shape != (len(boxes),) or crowd.shape != (len(boxes),) or counts.sum() != len(boxes):
            raise ZooError(
                f"BoxTargets: {len(boxes)} boxes, {len(classes)} classes, {len(crowd)} crowd flags, "
                f"and counts that add up to {counts.sum()}",
                hint="one row of each for every box, and one count for every picture",
            )
        for name, value in (("boxes", boxes), ("classes", classes), ("counts", counts), ("crowd", crowd)):
            object.__setattr__(self, name, value)

    @classmethod
    def of(cls, pictures: Sequence[tuple[NDArray[np.floating], NDArray[np.integer]]]) -> BoxTargets:
        """From the boxes (m, 4) and class numbers (m,) of each picture."""
        boxes = [np.asarray(boxes, np.float32).reshape(-1, 4) for boxes, _ in pictures]
        classes = [np.asarray(classes, np.int64).reshape(-1) for _, classes in pictures]
        return cls(
            boxes=np.concatenate([np.zeros((0, 4), np.float32), *boxes]),
            classes=np.concatenate([np.zeros(0, np.int64), *classes]),
            counts=np.array([len(each) for each in boxes], np.int64),
        )

    @classmethod
    def of_padded(cls, rows: NDArray[np.floating]) -> BoxTargets:
        """The inverse of `padded`."""
        real = rows[..., 4] != NO_BOX
        kept = rows[real]
        return cls(
            boxes=kept[:, :4].astype(np.float32),
            classes=kept[:, 4].astype(np.int64),
            counts=real.sum(axis=1),
            crowd=kept[:, 5] == 1,
        )

    def __len__(self) -> int:
        return len(self.counts)

    def __getitem__(self, index: Index) -> BoxTargets:
        chosen = np.arange(len(self))[index]
        stops = np.cumsum(self.counts)
        rows = [np.arange(stops[place] - self.counts[place], stops[place]) for place in chosen]
        return self._rows(np.concatenate([np.zeros(0, np.int64), *rows]), self.counts[chosen])

    def _rows(self, rows: NDArray[np.int64] | NDArray[np.bool_], counts: NDArray[np.int64]) -> BoxTargets:
        return replace(self, boxes=self.boxes[rows], classes=self.classes[rows], counts=counts, crowd=self.crowd[rows])

    @property
    def picture(self) -> NDArray[np.int64]:
        """Which picture each box is of, (M,)."""
        return np.repeat(np.arange(len(self)), self.counts)

    def padded(self) -> NDArray[np.float32]:
        """As training takes them: float32 (N, most of one picture, 6). A row is x1, y1, x2, y2, the number of the
        class, and 1 for a crowd; rows that only fill up have the class -1."""
        rows = np.zeros((len(self), int(self.counts.max(initial=0)), COLUMNS), np.float32)
        rows[..., 4] = NO_BOX
        place = np.arange(len(self.boxes)) - np.repeat(np.cumsum(self.counts) - self.counts, self.counts)
        rows[self.picture, place] = np.concatenate(
            [self.boxes, self.classes[:, np.newaxis], self.crowd[:, np.newaxis]], axis=1, dtype=np.float32
        )
        return rows

    def moved(self, *, scale: NDArray[np.float64], shift: NDArray[np.float64], size: NDArray[np.int64]) -> BoxTargets:
        """Boxes times `scale` and minus `shift`, cut at the border of pictures of `size`; all (N, 2), height before
        width. Boxes of which nothing is left are gone."""
        picture = self.picture
        own_scale, own_shift, own_size = (each[picture][:, np.newaxis, ::-1] for each in (scale, shift, size))
        corners = np.clip(self.boxes.reshape(-1, 2, 2) * own_scale - own_shift, 0, own_size).astype(np.float32)
        left: NDArray[np.bool_] = np.all(corners[:, 1] > corners[:, 0], axis=1)
        counts = np.bincount(picture[left], minlength=len(self))
        boxes: NDArray[np.float32] = corners.reshape(-1, 4)
        return replace(self, boxes=boxes, relative=False)._rows(left, counts)

    def add_to(self, digest: hashlib._Hash) -> None:
        """Their part of a fingerprint."""
        for array in (self.boxes, self.classes, self.counts, self.crowd):
            hash_array(array, digest)
        digest.update(b"relative" * self.relative)


def in_prepared(targets: BoxTargets, sizes: NDArray[np.int64], recipe: Preprocess) -> BoxTargets:
    """Boxes in pixels of the prepared pictures, which had `sizes` (N, 2) before."""
    places = [prepared_place(int(height), int(width), recipe) for height, width in sizes]
    if not places:
        return targets
    scale = np.array([place.scale for place in places])
    return targets.moved(
        scale=scale * sizes if targets.relative else scale,
        shift=np.array([place.shift for place in places], np.float64),
        size=np.array([place.size for place in places]),
    )
