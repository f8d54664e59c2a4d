"""What training minimises for logits of classes: cross entropy, or another loss by name."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F  # noqa: N812 torch's own convention
from torch import Tensor

from zoo_core import IGNORED, UsageError, ZooError, did_you_mean
from zoo_core.tasks import TrainingLoss

from .decisions import ClassDecisions

LOSSES = ("cross-entropy", "bce", "dice", "focal")
"""Losses by name; several are added up, as in "bce+dice"."""

FOCUS = 2.0
"""The exponent of the focal loss, as its authors chose it (Lin et al., 2017); without their class weights."""

_SMOOTHED = ("cross-entropy", "bce")


def class_loss(deciding: ClassDecisions, *, name: str | None, label_smoothing: float) -> TrainingLoss:
    """The loss to minimise: (outputs by name, targets) -> scalar.

    By `name`, one of LOSSES or a sum of them; else cross-entropy, or bce for one logit. Places of a mask whose target
    is 255 are left out. A loss that does not fit the number of logits raises ZooError when it is called. Raises
    UsageError for a name that is unknown or not for this task, and for `label_smoothing` of a loss that has none.
    """
    masks = deciding.places > 0
    parts = None if name is None else _parts(name, deciding, label_smoothing)

    def loss(outputs: Mapping[str, Tensor], targets: Tensor) -> Tensor:
        logits = outputs[deciding.output(outputs)]
        if logits.ndim == 1:
            logits = logits.unsqueeze(1)
        if parts is None:
            return _entropy(logits, targets, smoothing=label_smoothing, masks=masks)
        found = [_by_name(part, logits, targets, smoothing=label_smoothing, masks=masks) for part in parts]
        return torch.stack(found).sum()

    return loss


def _parts(name: str, deciding: ClassDecisions, label_smoothing: float) -> tuple[str, ...]:
    """The names in a sum such as "bce+dice"."""
    parts = tuple(name.split("+"))
    for part in parts:
        if part not in LOSSES:
            raise UsageError(
                f"there is no loss {part!r}", hint=did_you_mean(part, LOSSES) or f"one of {', '.join(LOSSES)}"
            )
    if "dice" in parts and not deciding.places:
        raise UsageError(f"the dice loss is for masks, not for {deciding.task}", hint="cross-entropy, bce or focal")
    if label_smoothing and not set(parts) & set(_SMOOTHED):
        raise UsageError(f"label_smoothing is for cross-entropy and bce, not for {name}", hint="leave one of them out")
    return parts


def _by_name(name: str, logits: Tensor, targets: Tensor, *, smoothing: float, masks: bool) -> Tensor:
    if name == "dice":
        return _dice(logits, targets)
    if name == "focal":
        return _focal(logits, targets, masks=masks)
    one = logits.shape[1] == 1
    if one != (name == "bce"):
        logits_shown = "1 logit" if one else f"{logits.shape[1]} logits"
        raise ZooError(
            f"the loss {name} does not fit a model that gives {logits_shown} for each sample or place",
            hint="bce is for one logit, cross-entropy for several: -t loss=" + ("bce" if one else "cross-entropy"),
        )
    return _entropy(logits, targets, smoothing=smoothing, masks=masks)


def _entropy(logits: Tensor, targets: Tensor, *, smoothing: float, masks: bool) -> Tensor:
    """Cross entropy, or binary cross entropy of one logit: the mean over what is counted, 0 if nothing is."""
    if logits.shape[1] > 1 and not masks:
        return F.cross_entropy(logits, targets, label_smoothing=smoothing)
    counted = _counted(targets, masks=masks)
    if logits.shape[1] > 1:
        total = F.cross_entropy(
            logits, targets.long(), ignore_index=IGNORED, label_smoothing=smoothing, reduction="sum"
        )
        return total / counted.sum().clamp(min=1)
    wanted = targets.to(logits.dtype) * (1 - smoothing) + smoothing / 2
    each = F.binary_cross_entropy_with_logits(logits[:, 0], wanted, reduction="none")
    return _mean(each, counted)


def _focal(logits: Tensor, targets: Tensor, *, masks: bool) -> Tensor:
    """Cross entropy that counts little where the decision is right already: mean of (1 - p)^2 * -log p."""
    counted = _counted(targets, masks=masks)
    log_p = _log_probabilities(logits).gather(1, _safe(targets, counted).unsqueeze(1))[:, 0]
    return _mean((1 - log_p.exp()) ** FOCUS * -log_p, counted)


def _dice(logits: Tensor, targets: Tensor) -> Tensor:
    """1 - (2 |P T| + 1) / (|P| + |T| + 1), summed over all counted places of the batch.

    Of the second class where there is one logit; otherwise the mean over the classes.
    """
    counted = _counted(targets, masks=True)
    probabilities = _log_probabilities(logits).exp() * counted.unsqueeze(1)
    truth = F.one_hot(_safe(targets, counted), probabilities.shape[1]).movedim(-1, 1) * counted.unsqueeze(1)
    places = [0, *range(2, logits.ndim)]
    both = (probabilities * truth).sum(places)
    ratio = (2 * both + 1) / (probabilities.sum(places) + truth.sum(places) + 1)
    return 1 - (ratio[1] if logits.shape[1] == 1 else ratio.mean())


def _log_probabilities(logits: Tensor) -> Tensor:
    """Of every class; one logit z is read as the two logits 0 and z."""
    if logits.shape[1] == 1:
        return torch.cat([F.logsigmoid(-logits), F.logsigmoid(logits)], dim=1)
    return F.log_softmax(logits, dim=1)


def _counted(targets: Tensor, *, masks: bool) -> Tensor:
    # Class 255 of a thousand is a class like any other; only in a mask does 255 mean "not counted".
    return targets != IGNORED if masks else torch.ones_like(targets, dtype=torch.bool)


def _safe(targets: Tensor, counted: Tensor) -> Tensor:
    """Class numbers that can be used as an index, also where they do not count."""
    return torch.where(counted, targets, torch.zeros_like(targets)).long()


def _mean(each: Tensor, counted: Tensor) -> Tensor:
    return (each * counted).sum() / counted.sum().clamp(min=1)
