"""What training minimises: the usual loss of a task, another one by name, or a model's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F  # noqa: N812 torch's own convention
from torch import Tensor

from zoo_core.errors import UsageError, ZooError
from zoo_core.specs import IGNORED
from zoo_core.tasks import ClassDecisions

from .choices import choose_losses

Loss = Callable[[Mapping[str, Tensor], Tensor], Tensor]

FOCUS = 2.0
"""The exponent of the focal loss, as its authors chose it (Lin et al., 2017); without their class weights."""

_WHOLE_SAMPLES = ("image-classification", "video-classification", "binary-classification")
_MASKS = ("semantic-segmentation", "sequence-segmentation")
_SMOOTHED = ("cross-entropy", "bce")


def loss_for(task: str, *, name: str | None = None, label_smoothing: float = 0.0, own: Loss | None = None) -> Loss:
    """The loss to minimise: (outputs by name, targets) -> scalar.

    By `name`, one of LOSSES or a sum of them; else the model's `own`; else cross-entropy, or bce for one logit. Places
    of a mask whose target is 255 are left out. A loss that does not fit the number of logits raises ZooError when it
    is called. Raises UsageError for a name that is unknown or not for this task, and for `label_smoothing` of a loss
    that has none; ZooError for a task without a loss.
    """
    if name is None and own is not None:
        if label_smoothing:
            raise UsageError("label_smoothing is not for a model with a loss of its own", hint="leave it out")
        return _checked(own)
    if task not in _WHOLE_SAMPLES + _MASKS:
        raise ZooError(
            f"task {task!r} has no loss: it cannot be trained", hint=f"these can: {', '.join(_WHOLE_SAMPLES + _MASKS)}"
        )
    parts = _parts(name, task, label_smoothing)

    def loss(outputs: Mapping[str, Tensor], targets: Tensor) -> Tensor:
        logits = _logits(outputs, task)
        if parts is None:
            total = _entropy(logits, targets, smoothing=label_smoothing, masks=task in _MASKS)
        else:
            total = torch.stack([_by_name(part, logits, targets, label_smoothing, task) for part in parts]).sum()
        return total

    return loss


def _parts(name: str | None, task: str, label_smoothing: float) -> tuple[str, ...] | None:
    """The names in a sum; None where nothing was chosen."""
    if name is None:
        return None
    parts = choose_losses(name)
    if "dice" in parts and task not in _MASKS:
        raise UsageError(f"the dice loss is for masks, not for {task}", hint="cross-entropy, bce or focal")
    if label_smoothing and not set(parts) & set(_SMOOTHED):
        raise UsageError(f"label_smoothing is for cross-entropy and bce, not for {name}", hint="leave one of them out")
    return parts


def _checked(own: Loss) -> Loss:
    def loss(outputs: Mapping[str, Tensor], targets: Tensor) -> Tensor:
        value = own(outputs, targets)
        if not isinstance(value, Tensor) or value.ndim:
            found = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
            raise ZooError(f"the model's own loss returned {found}, not a single number", hint="its mean, for example")
        return value

    return loss


def _logits(outputs: Mapping[str, Tensor], task: str) -> Tensor:
    """Of the output that decides: (N, K, ...), also where a model gives one logit as (N,)."""
    logits = outputs[ClassDecisions(task).output(outputs)]
    return logits.unsqueeze(1) if logits.ndim == 1 else logits


def _by_name(name: str, logits: Tensor, targets: Tensor, smoothing: float, task: str) -> Tensor:
    masks = task in _MASKS
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
