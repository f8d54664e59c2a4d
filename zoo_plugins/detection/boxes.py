"""The task of boxes: what was found, where, and how probable it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from zoo_core import Preprocess, UsageError, ZooError
from zoo_core.commands import counted
from zoo_core.data import BoxTargets
from zoo_core.tasks import Answer, Example, Judged, Outputs, Task, TrainingLoss

from .candidates import Found, found_in
from .made_up import example_of_boxes, one_box_each
from .measures import BoxTally, boxes_of

THRESHOLD = "threshold"
"""The setting that a run and a file keep: the probability from which something counts as found."""
USUAL = 0.5


class Detection(Task):
    """Boxes around things. What is less probable than the threshold is not told; measures take all of it."""

    gives: ClassVar[str] = "values"
    drawn: ClassVar[str] = "boxes"
    measures_training: ClassVar[bool] = False
    has_loss: ClassVar[bool] = False

    @property
    def threshold(self) -> float:
        """The probability from which something counts as found."""
        return float(self.settings.get(THRESHOLD, USUAL))

    def check_settings(self, settings: Mapping[str, Any]) -> None:
        """`threshold` is a probability."""
        if unknown := set(settings) - {THRESHOLD}:
            raise ZooError(f"{self.name} has one setting, {THRESHOLD}, and was given {', '.join(sorted(unknown))}")
        value = settings.get(THRESHOLD, USUAL)
        if not isinstance(value, float | int) or isinstance(value, bool) or not 0 <= value <= 1:
            raise ZooError(f"{self.name}: {THRESHOLD} is a probability from 0 to 1, not {value!r}")

    def at_threshold(self, value: float) -> Self:
        """The same task with another threshold."""
        return self.with_settings({**self.settings, THRESHOLD: value})

    def choose(self, outputs: Outputs, targets: Any, *, labels: Sequence[str]) -> dict[str, Any]:
        """The threshold with the best F1, boxes being right at an IoU of 0.5; none where nothing right was found."""
        tally = self.tally()
        tally.add(outputs, targets)
        best = tally.best_threshold()
        return {} if best is None else {THRESHOLD: best}

    def tally(self) -> BoxTally:
        """An empty tally of COCO's measures: `map`, `map50` and `recall` (of 100 for a class and picture)."""
        if not self.spec.metrics:
            self._cannot("measured")
        return BoxTally(task=self.name)

    def judge(self, outputs: Outputs, targets: Any) -> Judged:
        """F1 of each picture at the threshold; `decided` is how many were found."""
        truth = boxes_of(targets)
        found = [each.above(self.threshold) for each in found_in(outputs, task=self.name)]
        values = np.array([_f1(self, each, truth[place : place + 1]) for place, each in enumerate(found)])
        decided = np.array([len(each.scores) for each in found], np.int64)
        return Judged(decided=decided, value=values, badness=1 - values, wrong=values < 1)

    def decode(self, outputs: Outputs, *, labels: Sequence[str]) -> list[Answer]:
        """`{detections: [{label, probability, box: [x1, y1, x2, y2]}]}` for each picture, the most probable first."""
        answers: list[Answer] = []
        for picture, found in enumerate(found_in(outputs, task=self.name)):
            found = found.above(self.threshold)
            told = self._told(found, labels)
            self._add(told, found, {name: np.asarray(value)[picture] for name, value in outputs.items()})
            answers.append({"detections": told})
        return answers

    def _told(self, found: Found, labels: Sequence[str]) -> list[dict[str, Any]]:
        if not labels:
            raise ZooError(
                f"the file names none of the classes of {self.name}, as one without a dataset",
                hint="export a run; or in Python, run(...) gives the outputs as they are",
            )
        told = []
        for box, score, number in zip(found.boxes, found.scores, found.classes, strict=True):
            if not 0 <= number < len(labels):
                raise ZooError(
                    f"the model found something of class {number}, and its file has {counted(len(labels), 'label')}",
                    hint="the labels do not belong to this model",
                )
            told.append({"label": labels[number], "probability": float(score), "box": rounded(box)})
        return told

    def _add(self, told: list[dict[str, Any]], found: Found, outputs: Outputs) -> None:
        """What a task says of each thing beyond its box; `outputs` are those of the picture."""

    def in_picture(self, answer: Mapping[str, Any], *, size: tuple[int, int], recipe: Preprocess) -> Answer:
        """Boxes in pixels of the picture itself, and inside it."""
        told = []
        for each in answer["detections"]:
            box = recipe_inverse(np.array(each["box"]).reshape(2, 2), size, recipe)
            told.append({**each, "box": rounded(np.clip(box, 0, size[::-1]).reshape(4))})
        return {**answer, "detections": told}

    def draw(self, answer: Mapping[str, Any], picture: NDArray[np.uint8], *, labels: Sequence[str]) -> bytes:
        """The picture with a box, a label and a probability for each thing, in the colour of its class."""
        from .drawing import Canvas, color_of

        canvas = Canvas(picture)
        numbers = {label: number for number, label in enumerate(labels)}
        # The most probable lies on top, and no mask on a label.
        found = [(each, color_of(numbers.get(each["label"], 0))) for each in reversed(answer["detections"])]
        for each, color in found:
            self._draw_more(canvas, each, color)
        for each, color in found:
            canvas.box(each["box"], f"{each['label']} {each['probability']:.2f}", color)
        return canvas.png()

    def _draw_more(self, canvas: Any, found: Mapping[str, Any], color: tuple[int, int, int]) -> None:
        """What is drawn of a thing beyond its box."""

    def columns(self, *, labels: Sequence[str], outputs: Mapping[str, Any]) -> tuple[str, ...]:
        """How many were found, what they are, and the picture with their boxes."""
        return ("count", "detections", "picture")

    def cells(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """`7 0.98 [10 20 30 40]`, with semicolons between them."""
        told = [
            f"{each['label']} {each['probability']:.4f} [{' '.join(f'{value:g}' for value in each['box'])}]"
            for each in answer["detections"]
        ]
        return {"count": len(told), "detections": "; ".join(told)}

    def in_words(self, answer: Mapping[str, Any]) -> str:
        """`7 0.98, 3 0.91`; `nothing` where nothing was found."""
        told = [f"{each['label']} {each['probability']:.2f}" for each in answer["detections"]]
        return ", ".join(told) or "nothing"

    def loss(self, *, name: str | None = None, label_smoothing: float = 0.0) -> TrainingLoss:
        """Every detector has a loss of its own."""
        if name is not None:
            raise UsageError(f"{self.name} has no loss by name, each model brings its own", hint="-t loss=usual")
        raise ZooError(
            f"this model for {self.name} brings no loss, so that it cannot be trained",
            hint="ModelSpec.loss or ModelSpec.losses; zoo list models shows others",
        )

    def check_fit(self, outputs: Mapping[str, tuple[int, ...]], targets: Any, *, count: int, model: str) -> None:
        """Maps have a place for each box, and a class for each."""
        if "logits" not in outputs:
            return
        most = int(boxes_of(targets).classes.max(initial=-1)) + 1
        if len(outputs["logits"]) < 3 or outputs["logits"][0] != count or outputs["logits"][1] < most:
            raise ZooError(
                f"model {model!r} returned logits of shape {outputs['logits']} for {counted(count, 'picture')} "
                f"of {counted(most, 'class')}",
                hint="(N, classes, ...), and boxes (N, 4, ...) for the same places",
            )

    def trial_targets(self, outputs: Outputs) -> NDArray[Any]:
        """A thing of the first class in each picture."""
        return one_box_each(outputs)

    def example(self, count: int, *, random: np.random.Generator) -> Example:
        """Maps of two by two cells for pictures with none to four things."""
        self.tally()
        return example_of_boxes(count, random=random)


def rounded(values: Any) -> list[float]:
    """Hundredths of a pixel are enough for people and for files."""
    return [round(float(value), 2) for value in values]


def recipe_inverse(points: NDArray[Any], size: tuple[int, int], recipe: Preprocess) -> NDArray[np.float64]:
    """Points (..., 2) as (x, y) of a prepared picture, in pixels of the picture of `size` (height, width)."""
    from zoo_core.data import prepared_place

    place = prepared_place(*size, recipe)
    moved: NDArray[np.float64] = (points + np.array(place.shift[::-1])) / np.array(place.scale[::-1])
    return moved


def _f1(task: Detection, found: Found, truth: BoxTargets) -> float:
    """At an IoU of 0.5; 1 where nothing is there and nothing was found."""
    outputs = {
        "boxes": found.boxes[np.newaxis],
        "scores": found.scores[np.newaxis],
        "labels": found.classes[np.newaxis],
    }
    tally = task.tally()
    tally.add(outputs, truth)
    right, wrong, there = tally.counts()
    return 2 * right / (right + wrong + there) if right + wrong + there else 1.0
