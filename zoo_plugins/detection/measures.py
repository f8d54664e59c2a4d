"""COCO's measures of boxes: what is matched with what, picture by picture, and the precision over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import ZooError
from zoo_core.commands import counted
from zoo_core.data import BoxTargets
from zoo_core.tasks import Outputs

from .candidates import Found, found_in, iou

THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""Two boxes are the same at an IoU of at least this; COCO takes the mean over all ten."""
RECALLS = np.linspace(0, 1, 101)
MOST = 100
"""Of one class in one picture, so many of the most probable count."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Matched:
    """What was found of one class in one picture, the most probable first, at each of THRESHOLDS.

    `scores`: (D,). `right`, `ignored`: bool (10, D); what is inside a crowd is neither right nor wrong. `there`: how
    many were to be found.
    """

    scores: NDArray[np.float64]
    right: Flags
    ignored: Flags
    there: int


def matched(found: Found, boxes: NDArray[np.floating], crowd: Flags) -> Matched:
    """What was `found` of one class beside the true `boxes` (G, 4): each, in its order, takes the free box that it
    overlaps most; of equals the last, and a crowd only where there is no other."""
    found = found.at(np.arange(min(len(found.scores), MOST)))
    overlap = iou(found.boxes, boxes.astype(np.float64), crowd=crowd)
    least = np.minimum(THRESHOLDS, 1 - 1e-10)[:, np.newaxis]
    free = np.ones((len(THRESHOLDS), len(boxes)), np.bool_)
    right = np.zeros((len(THRESHOLDS), len(found.scores)), np.bool_)
    ignored = right.copy()
    for place in np.flatnonzero(overlap.max(axis=1, initial=0) >= least.min()):
        can = (free | crowd) & (overlap[place] >= least)
        own = can & ~crowd
        rows = np.flatnonzero(own.any(axis=1))
        free[rows, _last_best(np.where(own, overlap[place], -1))[rows]] = False
        right[rows, place] = True
        ignored[:, place] = can.any(axis=1) & ~own.any(axis=1)
    return Matched(scores=found.scores, right=right, ignored=ignored, there=int((~crowd).sum()))


def _last_best(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """The place of the largest in each row; of equals the last."""
    last: NDArray[np.int64] = values.shape[1] - 1 - values[:, ::-1].argmax(axis=1)
    return last


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Of one class: the average precision and the recall at each of THRESHOLDS, (10,), and how many there are."""

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    there: int


def curves(parts: Sequence[Matched]) -> Curves:
    """The measures of one class over all pictures; there is at least one box of it."""
    scores = np.concatenate([part.scores for part in parts])
    order = np.argsort(-scores, kind="stable")
    right = np.concatenate([part.right for part in parts], axis=1)[:, order]
    ignored = np.concatenate([part.ignored for part in parts], axis=1)[:, order]
    there = sum(part.there for part in parts)
    hits = right.cumsum(axis=1).astype(np.float64)
    misses = (~right & ~ignored).cumsum(axis=1)
    precision = np.divide(hits, hits + misses, out=np.zeros_like(hits), where=hits > 0)
    precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    found = hits / there
    average = []
    for row in range(len(THRESHOLDS)):
        places = np.searchsorted(found[row], RECALLS, side="left")
        average.append(np.append(precision[row], 0.0)[places].mean())
    recall = found[:, -1] if len(order) else np.zeros(len(THRESHOLDS))
    return Curves(precision=np.array(average), recall=recall, there=there)


def boxes_of(targets: Any) -> BoxTargets:
    """Targets as BoxTargets; those of training are padded."""
    return targets if isinstance(targets, BoxTargets) else BoxTargets.of_padded(np.asarray(targets))


class BoxTally:
    """What was matched in every picture; the outputs are let go."""

    def __init__(self, *, task: str) -> None:
        self._task = task
        self._pictures = 0
        self._parts: dict[int, list[Matched]] = {}

    def add(self, outputs: Outputs, targets: Any) -> None:
        """One batch: outputs as `found_in` takes them; targets are BoxTargets, or padded as training has them."""
        truth = boxes_of(targets)
        found = found_in(outputs, task=self._task)
        if len(found) != len(truth):
            raise ZooError(f"outputs for {counted(len(found), 'picture')}, but targets for {len(truth)}")
        stops = np.cumsum(truth.counts)
        for own, start, stop in zip(found, stops - truth.counts, stops, strict=True):
            classes = truth.classes[start:stop]
            for number in np.union1d(own.classes, classes):
                rows = start + np.flatnonzero(classes == number)
                part = matched(own.at(own.classes == number), truth.boxes[rows], truth.crowd[rows])
                self._parts.setdefault(int(number), []).append(part)
        self._pictures += len(truth)

    def metrics(self) -> dict[str, float]:
        """`map`, `map50`, `recall`: COCO's means over the classes that are there. Raises ZooError for nothing."""
        if not self._pictures:
            raise ZooError("there are no samples to measure")
        known = [found for found in self._by_class().values() if found is not None]
        return {
            "map": _mean([found.precision.mean() for found in known]),
            "map50": _mean([found.precision[0] for found in known]),
            "recall": _mean([found.recall.mean() for found in known]),
        }

    def details(self, labels: Sequence[str]) -> dict[str, Any]:
        """`{classes: [{label, map, map50, recall, n}]}`; `n` boxes are there; None where none is."""
        by_class = self._by_class()
        rows = []
        for number, label in enumerate(labels):
            found = by_class.get(number)
            rows.append(
                {
                    "label": label,
                    "map": None if found is None else float(found.precision.mean()),
                    "map50": None if found is None else float(found.precision[0]),
                    "recall": None if found is None else float(found.recall.mean()),
                    "n": 0 if found is None else found.there,
                }
            )
        return {"classes": rows}

    def best_threshold(self) -> float | None:
        """The score from which boxes count, so that F1 at an IoU of 0.5 is best; halfway to the next lower one. None
        where nothing right was found."""
        parts = [part for own in self._parts.values() for part in own]
        scores = np.concatenate([np.zeros(0), *(part.scores for part in parts)])
        order = np.argsort(-scores, kind="stable")
        right = np.concatenate([np.zeros(0, np.bool_), *(part.right[0] for part in parts)])[order]
        counted = ~np.concatenate([np.zeros(0, np.bool_), *(part.ignored[0] for part in parts)])[order]
        if not right.any():
            return None
        there = sum(part.there for part in parts)
        scores = scores[order]
        # Between equal scores there is no threshold.
        last = np.append(scores[1:] < scores[:-1], True)
        f1 = np.where(last, 2 * right.cumsum() / (counted.cumsum() + there), 0)
        best = int(f1.argmax())
        following = scores[best + 1] if best + 1 < len(scores) else 0.0
        return float((scores[best] + following) / 2)

    def counts(self) -> tuple[int, int, int]:
        """At an IoU of 0.5: how many are right, how many are wrong, and how many were to be found."""
        parts = [part for own in self._parts.values() for part in own]
        right = sum(int(part.right[0].sum()) for part in parts)
        wrong = sum(int((~part.right[0] & ~part.ignored[0]).sum()) for part in parts)
        return right, wrong, sum(part.there for part in parts)

    def _by_class(self) -> dict[int, Curves | None]:
        """None for a class that only was found."""
        return {
            number: curves(parts) if any(part.there for part in parts) else None
            for number, parts in sorted(self._parts.items())
        }


def _mean(values: Sequence[Any]) -> float:
    return float(np.mean(values)) if values else 0.0
