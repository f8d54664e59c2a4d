"""From a detector's outputs to what it found in each picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import ZooError
from zoo_core.tasks import Outputs, finite_output

LEAST = 0.01
"""Candidates of a map that are less probable are none."""
MOST = 100
"""Of a map, so many are kept for a picture, as in COCO's measures."""
CANDIDATES = 400
"""So many of a map are looked at, the most probable."""
OVERLAP = 0.5
"""Two boxes of one class are one thing where their IoU is above this; the more probable one stays."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was found in one picture, the most probable first.

    `boxes`: float64 (K, 4), x1, y1, x2, y2 in pixels of the model's input. `scores`: (K,), above 0. `classes`: int64
    (K,). `rows`: which row of the outputs each one is, where the model itself chose them, else its cell.
    """

    boxes: Numbers
    scores: Numbers
    classes: NDArray[np.int64]
    rows: NDArray[np.int64]

    def above(self, threshold: float) -> Found:
        """Those that are at least so probable."""
        return self.at(self.scores >= threshold)

    def at(self, index: NDArray[Any]) -> Found:
        """Some of them."""
        return Found(
            boxes=self.boxes[index], scores=self.scores[index], classes=self.classes[index], rows=self.rows[index]
        )


def found_in(outputs: Outputs, *, task: str) -> list[Found]:
    """What was found, picture by picture.

    A detector either gives maps: `logits` (N, classes, ...) and `boxes` (N, 4, ...) for the same places, of which those
    are taken that are probable and overlap no better one; or what it has chosen itself: `boxes` (N, K, 4), `scores`
    (N, K) and `labels` (N, K), or without N for one picture. A score of 0 is nothing. Raises ZooError for anything else
    and for numbers that are not finite.
    """
    arrays = {name: np.asarray(value) for name, value in outputs.items()}
    if "boxes" in arrays and "scores" in arrays and "labels" in arrays:
        return _chosen(arrays["boxes"], arrays["scores"], arrays["labels"], task=task)
    if "boxes" in arrays and "logits" in arrays:
        return _of_maps(arrays["logits"], arrays["boxes"], task=task)
    raise ZooError(
        f"{task} needs the outputs boxes, scores and labels, or boxes and logits; they are: {', '.join(arrays)}"
    )


def _chosen(boxes: NDArray[Any], scores: NDArray[Any], labels: NDArray[Any], *, task: str) -> list[Found]:
    if boxes.ndim == 2:
        boxes, scores, labels = boxes[np.newaxis], scores[np.newaxis], labels[np.newaxis]
    if boxes.ndim != 3 or boxes.shape[2] != 4 or scores.shape != boxes.shape[:2] or labels.shape != scores.shape:
        raise ZooError(
            f"{task} needs boxes (N, K, 4), scores (N, K) and labels (N, K), "
            f"not {boxes.shape}, {scores.shape} and {labels.shape}"
        )
    corners, chances = finite_output(boxes).astype(np.float64), finite_output(scores).astype(np.float64)
    found = []
    for picture in range(len(boxes)):
        order = np.argsort(-chances[picture], kind="stable")
        order = order[chances[picture][order] > 0]
        found.append(
            Found(
                boxes=corners[picture][order],
                scores=chances[picture][order],
                classes=labels[picture][order].astype(np.int64),
                rows=order,
            )
        )
    return found


def _of_maps(logits: NDArray[Any], boxes: NDArray[Any], *, task: str) -> list[Found]:
    if logits.ndim < 3 or boxes.ndim < 3 or boxes.shape[1] != 4 or logits.shape[2:] != boxes.shape[2:]:
        raise ZooError(
            f"{task} needs logits (N, classes, ...) and boxes (N, 4, ...) of the same places, "
            f"not {logits.shape} and {boxes.shape}"
        )
    corners = finite_output(boxes).astype(np.float64).reshape(len(boxes), 4, -1)
    values = finite_output(logits).astype(np.float64).reshape(*logits.shape[:2], -1)
    return [_of_map(own, sides.T) for own, sides in zip(values, corners, strict=True)]


def _of_map(logits: Numbers, boxes: Numbers) -> Found:
    """`logits` (classes, places), `boxes` (places, 4)."""
    flat = logits.reshape(-1)
    probable = np.flatnonzero(flat >= np.log(LEAST / (1 - LEAST)))
    best = probable[np.argsort(-flat[probable], kind="stable")[:CANDIDATES]]
    classes, places = np.divmod(best, logits.shape[1])
    found = Found(boxes=boxes[places], scores=1 / (1 + np.exp(-flat[best])), classes=classes, rows=places)
    return found.at(_apart(found)[:MOST])


def _apart(found: Found) -> NDArray[np.int64]:
    """Non-maximum suppression: those that overlap no better one of their class."""
    same = found.classes[:, np.newaxis] == found.classes
    overlaps = (iou(found.boxes, found.boxes) > OVERLAP) & same
    kept = np.ones(len(found.scores), np.bool_)
    for place in range(len(kept)):
        if kept[place]:
            kept[place + 1 :] &= ~overlaps[place, place + 1 :]
    return np.flatnonzero(kept)


def iou(first: Numbers, second: Numbers, *, crowd: Sequence[bool] | NDArray[np.bool_] = ()) -> Numbers:
    """Intersection over union of boxes (D, 4) and (G, 4): (D, G); over the area of the first alone where the second is
    a `crowd`."""
    low = np.maximum(first[:, np.newaxis, :2], second[:, :2])
    high = np.minimum(first[:, np.newaxis, 2:], second[:, 2:])
    both = np.clip(high - low, 0, None).prod(axis=2)
    own = (first[:, 2:] - first[:, :2]).prod(axis=1)[:, np.newaxis]
    union = own + (second[:, 2:] - second[:, :2]).prod(axis=1) - both
    if len(crowd):
        union = np.where(np.asarray(crowd), own, union)
    shares: Numbers = np.divide(both, union, out=np.zeros_like(both), where=union > 0)
    return shares
