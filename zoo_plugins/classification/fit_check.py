"""Do outputs have a column for each class, and the places of the masks? Looked at before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from zoo_core import IGNORED, ZooError

from .decisions import ClassDecisions


def check_columns(
    deciding: ClassDecisions,
    outputs: Mapping[str, tuple[int, ...]],
    targets: NDArray[Any],
    *,
    count: int,
    model: str,
) -> None:
    """Raise ZooError unless outputs and targets have the same places, and there is a column for each class.

    `outputs` are shapes, for the first `count` samples of those that `targets` belong to.
    """
    found = outputs[deciding.output(outputs)]
    places = targets.shape[1:]
    counted = targets[targets != IGNORED] if places else targets
    classes = int(counted.max(initial=0)) + 1
    shape = (*found, 1) if len(found) == 1 and deciding.one_logit and not deciding.places else found
    if len(shape) > 1 and shape[0] == count and shape[2:] == places and _told(shape[1], deciding) >= classes:
        return
    samples_shown = f"samples of {classes} classes"
    hint = "one row of logits a sample, one column a class"
    if places:
        samples_shown = f"masks of {' x '.join(map(str, places))} places and {classes} classes"
        hint = "logits of shape (samples, classes, ...), with the places of the masks"
    raise ZooError(f"model {model!r} returned shape {found} for {count} {samples_shown}", hint=hint)


def _told(columns: int, deciding: ClassDecisions) -> int:
    """How many classes that many columns tell apart: one logit tells two, where the task takes one."""
    return 2 if columns == 1 and deciding.one_logit else columns
