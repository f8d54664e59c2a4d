"""The names of the tasks, and which of them have something in common; `zoo_core.tasks` says what they mean."""

from __future__ import annotations

TASKS = (
    "image-classification",
    "binary-classification",
    "semantic-segmentation",
    "sequence-segmentation",
    "image-filter",
    "features",
    "detection",
    "instance-segmentation",
    "keypoints",
    "optical-flow",
    "video-classification",
)

MASK_TASKS = ("semantic-segmentation", "sequence-segmentation")
"""Targets are masks, a class number for each place; those of all others that are trained are one class number."""

CLASS_TASKS = ("image-classification", "video-classification", "binary-classification", *MASK_TASKS)
"""Truth and answers are classes: there are metrics and a usual loss, so that these can be trained."""

ONE_LOGIT_TASKS = ("binary-classification", *MASK_TASKS)
"""Two classes are told apart by one logit."""

LOGIT_PER_CLASS_TASKS = ("image-classification", "video-classification", *MASK_TASKS)
"""As many logits as classes, along the second axis; with masks one is enough for two."""

TRUTHLESS_TASKS = ("image-filter", "features")
"""Outputs cannot be right or wrong: no dataset is for them."""

PREDICTED_TASKS = (*CLASS_TASKS, *TRUTHLESS_TASKS)
"""Outputs become answers for people: `zoo predict` has them."""
