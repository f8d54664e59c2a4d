"""Made-up boxes: answers for the rules of conformance, and targets for a model that is tried without data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zoo_core.data import BoxTargets
from zoo_core.tasks import Example, Outputs

SIDE = 64
"""Pixels of a made-up picture; each quarter of it has a thing or has none."""
LABELS = ("a", "b", "c")
SURE = 4.0
"""The logit of a class that is meant, and less than nothing where none is."""
SOMEWHERE = (8.0, 8.0, 24.0, 24.0)
"""A box in every picture that a detector takes, for one that has found none."""


def example_of_boxes(count: int, *, random: np.random.Generator) -> Example:
    """Maps of two by two cells: right ones, and others with noise in the classes and in the sides of the boxes."""
    low = np.stack(np.meshgrid([0, SIDE // 2], [0, SIDE // 2]), axis=-1).reshape(4, 2) + random.uniform(
        2, 8, (count, 4, 2)
    )
    boxes = np.concatenate([low, low + random.uniform(12, 20, (count, 4, 2))], axis=-1).astype(np.float32)
    classes, there = random.integers(0, len(LABELS), (count, 4)), random.random((count, 4)) < 0.6
    targets = BoxTargets.of([(boxes[row][there[row]], classes[row][there[row]]) for row in range(count)])
    logits = SURE * np.where(there, 2 * np.eye(len(LABELS))[classes].transpose(2, 0, 1) - 1, -2).transpose(1, 0, 2)
    return Example(
        outputs=_maps(logits + random.normal(0, SURE, logits.shape), boxes + random.normal(0, 2, boxes.shape)),
        right=_maps(logits, boxes),
        targets=targets.padded(),
        labels=LABELS,
    )


def _maps(logits: NDArray[np.floating], boxes: NDArray[np.floating]) -> Outputs:
    """From logits (N, classes, 4) and boxes (N, 4 cells, 4)."""
    sides = boxes.transpose(0, 2, 1).reshape(-1, 4, 2, 2)
    return {"logits": logits.reshape(*logits.shape[:2], 2, 2).astype(np.float32), "boxes": sides.astype(np.float32)}


def one_box_each(outputs: Outputs) -> NDArray[np.float32]:
    """A thing of the first class in each picture, padded: the middle of what all its boxes cover together."""
    boxes = np.asarray(outputs["boxes"], np.float64)
    maps = "logits" in outputs
    corners = boxes.reshape(len(boxes), 4, -1).transpose(0, 2, 1) if maps else boxes.reshape(-1, *boxes.shape[-2:])
    made = [(_middle(rows)[np.newaxis], np.zeros(1, np.int64)) for rows in corners]
    return BoxTargets.of(made).padded()


def _middle(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half as wide and half as high as what these boxes (K, 4) cover, in its middle; a pixel at least."""
    if not len(boxes) or not np.isfinite(boxes).all():
        return np.array(SOMEWHERE)
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    middle, half = (low + high) / 2, np.maximum(np.abs(high - low) / 4, 0.5)
    return np.concatenate([middle - half, middle + half])
