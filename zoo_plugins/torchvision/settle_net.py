"""Heads for an untrained detector: logits of a few units, and some boxes in a picture of noise.

Fresh heads give every place the same score to six digits, and then which boxes are chosen is chance.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection.fcos import FCOS
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN
from torchvision.models.detection.ssd import SSD
from torchvision.ops import FrozenBatchNorm2d

from .detector_net import prepared
from .net import detector_stages

_SPREAD = 1.2  # standard deviation of logits: a few hundred thousand of them stay below 6
_WANTED = 300  # scores above the threshold, before boxes that overlap are taken out
_PICTURES = 4
_SMALLEST_VARIANCE = 0.01  # of the mean of all channels
_SMALLEST_MEAN = 1e-5  # of the spread of a channel: what is below that in every channel is rounding


def settle_detector(module: Any) -> None:
    """Scale heads and set frozen statistics, in place, from one run on pictures of noise; the same every time."""
    height, width = module.transform.size
    generator = torch.Generator().manual_seed(0)
    # Several: what one picture alone does not move would be scaled up without end.
    pictures = torch.rand((_PICTURES, 3, height, width), generator=generator)
    was_training = module.training
    module.eval()
    with torch.no_grad():
        with _hooked(part.register_forward_pre_hook(_set_statistics) for part in _with_statistics(module.backbone)):
            module.backbone(torch.cat([prepared(module, pictures[i : i + 1]) for i in range(_PICTURES)]))
        hooks = [layer.register_forward_hook(_scale_to(spread)) for layer, spread in _heads(module)]
        if isinstance(module, GeneralizedRCNN):
            hooks += [part.register_forward_pre_hook(_set_statistics) for part in _with_statistics(module.roi_heads)]
        with _hooked(hooks):
            _set_threshold(module, _class_scores(module, pictures[:1]))
    module.train(was_training)


@contextlib.contextmanager
def _hooked(handles: Iterable[Any]) -> Iterator[None]:
    """The hooks of these handles are on their modules inside the block."""
    with contextlib.ExitStack() as stack:
        for handle in handles:
            stack.callback(handle.remove)
        yield


def _with_statistics(module: nn.Module) -> Iterator[nn.Module]:
    """Layers with statistics: frozen ones measure none by themselves, those of heads may have seen no box yet."""
    for part in module.modules():
        if isinstance(part, FrozenBatchNorm2d | nn.BatchNorm2d):
            yield part


def _set_statistics(part: Any, inputs: tuple[Tensor, ...]) -> None:
    variance, mean = torch.var_mean(inputs[0], dim=(0, 2, 3), correction=0)
    # Behind layers that are centred the mean is 0 but for rounding: as a number of its own it would show in no output.
    rounding = bool((mean.abs() <= _SMALLEST_MEAN * variance.sqrt()).all())
    part.running_mean.copy_(torch.zeros_like(mean) if rounding else mean)
    part.running_var.copy_(variance.clamp(min=max(float(variance.mean()) * _SMALLEST_VARIANCE, 1e-12)))


def _scale_to(spread: float) -> Callable[[Any, tuple[Tensor, ...], Tensor], Tensor]:
    """A hook that brings a layer's outputs to this standard deviation around 0, once: later calls share the layer."""
    done: list[bool] = []

    def hook(layer: Any, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        if done:
            return output
        done.append(True)
        centred = output - layer.bias.reshape(1, -1, *[1] * (output.ndim - 2))
        factor = spread / centred.std().clamp(min=1e-12)
        layer.weight.mul_(factor)
        layer.bias.zero_()
        scaled: Tensor = centred * factor
        return scaled

    return hook


def _heads(detector: nn.Module) -> Iterator[tuple[nn.Module, float]]:
    """The last layers, with the spread that their outputs are to have: logits, then what moves boxes."""
    module: Any = detector  # torchvision declares no types of its parts
    if isinstance(detector, GeneralizedRCNN):
        heads = module.roi_heads
        yield module.rpn.head.cls_logits, _SPREAD
        yield module.rpn.head.bbox_pred, 0.3
        yield heads.box_predictor.cls_score, _SPREAD
        yield heads.box_predictor.bbox_pred, 1.0
        if heads.has_mask():
            yield heads.mask_predictor.mask_fcn_logits, _SPREAD
        if heads.has_keypoint():
            yield heads.keypoint_predictor.kps_score_lowres, _SPREAD
        return
    classes, boxes = module.head.classification_head, module.head.regression_head
    if isinstance(detector, SSD):
        for layers, spread in ((classes.module_list, _SPREAD), (boxes.module_list, 1.0)):
            for layer in layers:
                yield layer if isinstance(layer, nn.Conv2d) else layer[-1], spread
        return
    yield classes.cls_logits, _SPREAD
    yield boxes.bbox_reg, 1.0 if isinstance(detector, FCOS) else 0.3
    if isinstance(detector, FCOS):
        yield boxes.bbox_ctrness, _SPREAD


def _class_scores(module: Any, picture: Tensor) -> Tensor:
    """All scores (A, C) that the detections are chosen from; every layer of the heads has run once."""
    known: dict[str, Tensor] = {"image": picture}
    for stage in detector_stages(module):
        if stage.name == "keypoints" or (stage.name == "detections" and not isinstance(module, GeneralizedRCNN)):
            break
        result = stage.run(*(known[name] for name in stage.inputs))
        known.update(zip(stage.outputs, [result] if isinstance(result, Tensor) else result, strict=True))
    return torch.cat([value for name, value in known.items() if name.startswith("class_scores")])


def _set_threshold(detector: nn.Module, scores: Tensor) -> None:
    """Move the classes' biases so that about as many scores as wanted are above the threshold."""
    module: Any = detector
    if isinstance(detector, GeneralizedRCNN):
        module.roi_heads.box_predictor.cls_score.bias[0] = _background(scores, module.roi_heads.score_thresh)
    elif isinstance(detector, SSD):
        bias = _background(scores, module.score_thresh)
        for layer in module.head.classification_head.module_list:
            last: Any = layer if isinstance(layer, nn.Conv2d) else layer[-1]
            last.bias.view(-1, scores.shape[1] + 1)[:, 0] = bias
    else:
        threshold = module.score_thresh
        if isinstance(module, FCOS):
            # Its score is the root of a product; the other factor is about a half.
            scores, threshold = (scores**2 * 2).clamp(max=0.999), threshold**2 * 2
        module.head.classification_head.cls_logits.bias.fill_(_shift(scores, threshold))


def _best(scores: Tensor) -> float:
    return float(scores.flatten().topk(min(_WANTED, scores.numel())).values[-1])


def _background(scores: Tensor, threshold: float) -> float:
    """The background's logit that lowers the last of the wanted scores (a softmax) to the threshold; 0 to 8."""
    rest = float((1 - scores.sum(dim=1)).clamp(min=1e-9).mean())
    return min(max(math.log(max((_best(scores) / threshold - (1 - rest)) / rest, 1.0)), 0.0), 8.0)


def _shift(scores: Tensor, threshold: float) -> float:
    """What to add to logits so that the last of the wanted scores (sigmoids) comes down to the threshold; -5 to 0."""
    wanted = _best(scores)
    odds = math.log(wanted / (1 - wanted)) - math.log(threshold / (1 - threshold))
    return min(max(-odds, -5.0), 0.0)
