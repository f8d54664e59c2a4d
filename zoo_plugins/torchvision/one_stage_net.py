"""RetinaNet, FCOS and SSD stage by stage: heads, then detections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torchvision.models.detection.fcos import FCOS
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.ssd import SSD

from zoo_core import Stage

from .detector_net import clipped, grid_anchors, prepared, suppressed


def one_stage(module: Any) -> Sequence[Stage]:
    """The stages of a RetinaNet, FCOS or SSD."""
    heads: Callable[..., Any]
    choose: Callable[..., Any]
    if isinstance(module, SSD):
        cuts: tuple[str, ...] = ("class_scores", "candidates")
        heads, choose = _ssd_heads, _ssd_detections
    else:
        levels = range(len(module.anchor_generator.sizes))
        cuts = tuple(f"{what}_{level}" for level in levels for what in ("class_scores", "candidates"))
        heads, choose = _level_heads, _level_detections
    return (
        Stage(name="heads", inputs=("image",), outputs=cuts, run=partial(heads, module)),
        Stage(
            name="detections",
            inputs=cuts,
            outputs=("boxes", "scores", "labels"),
            run=partial(choose, module),
            selects=True,
        ),
    )


def _level_heads(module: Any, image: Tensor) -> list[Tensor]:
    """Scores (A, C) and boxes (A, 4) of each level of the pyramid."""
    picture = prepared(module, image)
    features = list(module.backbone(picture).values())
    grids = [(int(level.shape[-2]), int(level.shape[-1])) for level in features]
    anchors = grid_anchors(module.anchor_generator, picture.shape[-2:], grids)
    heads = module.head(features)
    counts = [len(anchor) for anchor in anchors]
    logits, codes = heads["cls_logits"][0].split(counts), heads["bbox_regression"][0].split(counts)
    scores = [logit.sigmoid() for logit in logits]
    decode = module.box_coder.decode_single if not isinstance(module, FCOS) else module.box_coder.decode
    if isinstance(module, FCOS):
        centred = heads["bbox_ctrness"][0].split(counts)
        scores = [(score * centre.sigmoid()).sqrt() for score, centre in zip(scores, centred, strict=True)]
    found = []
    for score, code, anchor in zip(scores, codes, anchors, strict=True):
        found += [score, clipped(decode(code, anchor), module.transform.size)]
    return found


def _level_detections(module: Any, *candidates: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The best of each level above the threshold, then those that overlap no better one of their class."""
    classes = int(candidates[0].shape[1])
    found_scores, found_boxes, found_labels = [], [], []
    for scores, boxes in zip(candidates[0::2], candidates[1::2], strict=True):
        # The best, then those above the threshold: the same rows as torchvision's, whose order is the other one.
        best, index = scores.flatten().topk(min(module.topk_candidates, scores.numel()))
        found_scores.append(best)
        found_boxes.append(boxes[torch.div(index, classes, rounding_mode="floor")])
        found_labels.append(index % classes)
    return _chosen(module, torch.cat(found_scores), torch.cat(found_boxes), torch.cat(found_labels), classes)


def _ssd_heads(module: Any, image: Tensor) -> tuple[Tensor, Tensor]:
    """Scores (A, C - 1) of every class but the background, and boxes (A, 4)."""
    picture = prepared(module, image)
    features = list(module.backbone(picture).values())
    heads = module.head(features)
    anchors = module.anchor_generator(ImageList(picture, [module.transform.size]), features)[0]
    boxes = module.box_coder.decode_single(heads["bbox_regression"][0], anchors)
    return heads["cls_logits"][0].softmax(-1)[:, 1:], clipped(boxes, module.transform.size)


def _ssd_detections(module: Any, class_scores: Tensor, candidates: Tensor) -> tuple[Tensor, ...]:
    """The best of each class above the threshold, then those that overlap no better one of their class."""
    count, classes = min(module.topk_candidates, int(class_scores.shape[0])), int(class_scores.shape[1])
    best, index = class_scores.topk(count, dim=0)
    labels = torch.arange(1, classes + 1).expand(count, classes)
    return _chosen(module, best.flatten(), candidates[index.flatten()], labels.flatten(), classes + 1)


def _chosen(module: Any, scores: Tensor, boxes: Tensor, labels: Tensor, classes: int) -> tuple[Tensor, Tensor, Tensor]:
    kept = torch.where(scores > module.score_thresh)[0]
    scores, boxes, labels = scores[kept], boxes[kept], labels[kept]
    kept = suppressed(
        boxes, scores, labels, count=classes, side=max(module.transform.size), threshold=module.nms_thresh
    )
    kept = kept[: module.detections_per_img]
    return boxes[kept], scores[kept], labels[kept] - module.transform.first_label
