"""Instances: a box for each thing, and which pixels in it belong to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zoo_core import Preprocess, ZooError
from zoo_core.tasks import Answer, Outputs

from .boxes import Detection
from .candidates import Found

INSIDE = 0.5
"""A pixel whose value in the mask is above this belongs to the thing."""

Mask = NDArray[np.bool_]


class Instances(Detection):
    """Boxes, each with a mask: in an answer about a picture, COCO's run lengths `{size: [height, width], counts}`."""

    drawn: ClassVar[str] = "instances"

    def _add(self, told: list[dict[str, Any]], found: Found, outputs: Outputs) -> None:
        """`mask`: the values in the box, float (h, w), until the size of the picture is known."""
        masks = outputs.get("masks")
        if masks is None or masks.ndim != 4 or masks.shape[1] != 1:
            shape = None if masks is None else masks.shape
            raise ZooError(f"{self.name} needs masks (N, K, 1, h, w), and has {shape} for a picture")
        for each, row in zip(told, found.rows, strict=True):
            each["mask"] = masks[row, 0]

    def in_picture(self, answer: Mapping[str, Any], *, size: tuple[int, int], recipe: Preprocess) -> Answer:
        """Boxes in pixels of the picture, and masks as large as it, pasted into them."""
        moved = super().in_picture(answer, size=size, recipe=recipe)
        told = [{**each, "mask": run_lengths(pasted(each["mask"], each["box"], size))} for each in moved["detections"]]
        return {**moved, "detections": told}

    def _draw_more(self, canvas: Any, found: Mapping[str, Any], color: tuple[int, int, int]) -> None:
        canvas.mask(mask_of(found["mask"]), color)


def pasted(values: NDArray[Any], box: Sequence[float], size: tuple[int, int]) -> Mask:
    """A mask (h, w) of a box, stretched into it in a picture of `size` (height, width); between its values linear."""
    whole = np.zeros(size, np.bool_)
    spans = []
    for low, high, side, count in ((box[1], box[3], size[0], len(values)), (box[0], box[2], size[1], values.shape[1])):
        first, stop = max(0, int(np.floor(low))), min(side, int(np.ceil(high)))
        place = (np.arange(first, stop) + 0.5 - low) / max(high - low, 1) * count - 0.5
        spans.append((slice(first, stop), np.clip(place, -1, count)))
    (rows, y), (columns, x) = spans
    framed = np.pad(values.astype(np.float64), 1)  # outside its values a mask is 0
    down, across = (_between(place + 1, side) for place, side in ((y, framed.shape[0]), (x, framed.shape[1])))
    whole[rows, columns] = down @ framed @ across.T > INSIDE
    return whole


def _between(place: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """What linear interpolation at each place takes from `count` values: (places, count)."""
    weights: NDArray[np.float64] = np.clip(1 - np.abs(place[:, np.newaxis] - np.arange(count)), 0, None)
    return weights


def run_lengths(mask: Mask) -> dict[str, Any]:
    """A mask as COCO writes it: how many pixels are outside, inside, outside, ..., column by column."""
    flat = mask.reshape(-1, order="F")
    edges = np.flatnonzero(np.diff(flat, prepend=False))
    return {"size": list(mask.shape), "counts": np.diff(edges, prepend=0, append=flat.size).tolist()}


def mask_of(lengths: Mapping[str, Any]) -> Mask:
    """The inverse of `run_lengths`."""
    inside = np.arange(len(lengths["counts"])) % 2 == 1
    mask: Mask = np.repeat(inside, lengths["counts"]).reshape(lengths["size"], order="F")
    return mask
