"""Tasks whose answers are classes: of whole samples, or of each place of a picture or a sequence."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from zoo_core import TaskSpec, hookimpl

if TYPE_CHECKING:
    from zoo_core import Better
    from zoo_core.tasks import Task

CLASS_METRICS: Mapping[str, Better] = {
    "loss": "less",
    "accuracy": "more",
    "top5": "more",
    "precision": "more",
    "recall": "more",
    "f1": "more",
}
MASK_METRICS: Mapping[str, Better] = {"loss": "less", "iou_mean": "more", "dice": "more", "pixel_accuracy": "more"}
LOSS = "cross-entropy; bce for one logit"


def classification(spec: TaskSpec) -> Task:
    """One of K classes for each sample."""
    from .samples import Classification

    return Classification(spec)


def picture_segmentation(spec: TaskSpec) -> Task:
    """One of K classes for each pixel."""
    from .places import PictureSegmentation

    return PictureSegmentation(spec)


def sequence_segmentation(spec: TaskSpec) -> Task:
    """One of K classes for each place of a sequence."""
    from .places import SequenceSegmentation

    return SequenceSegmentation(spec)


SAMPLES = {
    "image-classification": "one of several classes for a picture",
    "video-classification": "one of several classes for a film",
    "sequence-classification": "one of several classes for a signal",
    "text-classification": "one of several classes for a text",
    "audio-classification": "one of several classes for a sound",
    "table-classification": "one of several classes for a row of a table",
}
PLACES = {
    "semantic-segmentation": ("a class for each pixel of a picture", picture_segmentation),
    "sequence-segmentation": ("a class for each place of a signal", sequence_segmentation),
}


@hookimpl
def zoo_tasks() -> Iterator[TaskSpec]:
    whole = TaskSpec(
        name="binary-classification",
        summary="yes or no, from one logit",
        load=classification,
        targets="classes",
        metrics=CLASS_METRICS,
        selection="accuracy",
        loss=LOSS,
        takes=tuple(SAMPLES),
        one_logit=True,
    )
    yield whole
    for name, summary in SAMPLES.items():
        yield dataclasses.replace(whole, name=name, summary=summary, takes=(), one_logit=False)
    masks = dataclasses.replace(whole, targets="masks", metrics=MASK_METRICS, selection="iou_mean", takes=())
    for name, (summary, load) in PLACES.items():
        yield dataclasses.replace(masks, name=name, summary=summary, load=load)
