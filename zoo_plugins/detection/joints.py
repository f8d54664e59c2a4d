"""Key-points: a box for each person, and where the joints are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from zoo_core import Preprocess, ZooError
from zoo_core.tasks import Answer, Outputs

from .boxes import Detection, recipe_inverse, rounded
from .candidates import Found

NAMES = (
    "nose",
    "left eye",
    "right eye",
    "left ear",
    "right ear",
    "left shoulder",
    "right shoulder",
    "left elbow",
    "right elbow",
    "left wrist",
    "right wrist",
    "left hip",
    "right hip",
    "left knee",
    "right knee",
    "left ankle",
    "right ankle",
)
"""COCO's joints, in its order; other numbers of joints are numbered."""
LIMBS = (
    *((0, 1), (0, 2), (1, 3), (2, 4)),
    *((5, 6), (5, 7), (7, 9), (6, 8), (8, 10)),
    *((5, 11), (6, 12), (11, 12), (11, 13), (13, 15), (12, 14), (14, 16)),
)
SEEN = 0.0
"""A joint whose score, a logit, is above this is drawn."""


class Keypoints(Detection):
    """Boxes around persons, each with `joints: [{name, x, y, score}]`."""

    drawn: ClassVar[str] = "joints"

    def _add(self, told: list[dict[str, Any]], found: Found, outputs: Outputs) -> None:
        points, scores = outputs.get("keypoints"), outputs.get("keypoints_scores")
        if points is None or scores is None or points.ndim != 3 or scores.shape != points.shape[:2]:
            raise ZooError(f"{self.name} needs keypoints (N, K, P, 3) and keypoints_scores (N, K, P)")
        names = NAMES if points.shape[1] == len(NAMES) else tuple(map(str, range(points.shape[1])))
        for each, row in zip(told, found.rows, strict=True):
            each["joints"] = [
                {"name": name, "x": float(point[0]), "y": float(point[1]), "score": float(score)}
                for name, point, score in zip(names, points[row], scores[row], strict=True)
            ]

    def in_picture(self, answer: Mapping[str, Any], *, size: tuple[int, int], recipe: Preprocess) -> Answer:
        """Boxes and joints in pixels of the picture."""
        moved = super().in_picture(answer, size=size, recipe=recipe)
        for each in moved["detections"]:
            places = np.array([[joint["x"], joint["y"]] for joint in each["joints"]]).reshape(-1, 2)
            found = recipe_inverse(places, size, recipe)
            each["joints"] = [
                {**joint, **dict(zip("xy", rounded(place), strict=True))}
                for joint, place in zip(each["joints"], found, strict=True)
            ]
        return moved

    def _draw_more(self, canvas: Any, found: Mapping[str, Any], color: tuple[int, int, int]) -> None:
        joints = [((each["x"], each["y"]), each["score"] > SEEN) for each in found["joints"]]
        for first, second in LIMBS if len(joints) == len(NAMES) else ():
            if joints[first][1] and joints[second][1]:
                canvas.limb(joints[first][0], joints[second][0], color)
        for place, seen in joints:
            if seen:
                canvas.joint(place, color)
