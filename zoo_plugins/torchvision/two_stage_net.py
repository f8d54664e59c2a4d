"""Faster, Mask and Keypoint R-CNN stage by stage: heads, proposals, regions, detections, then masks or key-points."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torchvision.ops import roi_align

from zoo_core import Stage

from .detector_net import clipped, grid_anchors, is_wide, prepared, suppressed
from .keypoints_net import peaks

_EPSILON = 1e-6  # torchvision's, for boxes whose size is exactly that of a level
_SMALLEST_REGION = 1e-2  # pixels, torchvision's


def two_stages(module: Any) -> Sequence[Stage]:
    """The stages of a GeneralizedRCNN. Levels of the pyramid that regions are cut from are cuts of their own."""
    levels = range(len(module.rpn.anchor_generator.sizes))
    names = module.roi_heads.box_roi_pool.featmap_names
    features = tuple(f"features_{name}" for name in names if int(name) < len(levels) - 1)
    candidates = tuple(f"{what}_{level}" for level in levels for what in ("objectness", "candidates"))
    found = [
        _stage("heads", partial(_heads, module, len(features)), ("image",), (*features, *candidates)),
        _stage("proposals", partial(_proposals, module), candidates, ("proposals",), selects=True),
        _stage("regions", partial(_regions, module), (*features, "proposals"), ("class_scores", "class_boxes")),
        _stage(
            "detections",
            partial(_detections, module),
            ("class_scores", "class_boxes"),
            ("boxes", "scores", "labels"),
            selects=True,
        ),
    ]
    if module.roi_heads.has_mask():
        found.append(_stage("masks", partial(_masks, module), (*features, "boxes", "labels"), ("masks",)))
    if module.roi_heads.has_keypoint():
        points = ("keypoints", "keypoints_scores")
        found += [
            _stage("heatmaps", partial(_heatmaps, module), (*features, "boxes"), ("heatmaps",)),
            _stage("keypoints", partial(_keypoints, module), ("heatmaps", "boxes"), points, selects=True),
        ]
    return found


def _stage(
    name: str, run: Callable[..., Any], inputs: tuple[str, ...], outputs: tuple[str, ...], *, selects: bool = False
) -> Stage:
    return Stage(name=name, inputs=inputs, outputs=outputs, run=run, selects=selects)


def _heads(module: Any, pooled: int, image: Tensor) -> list[Tensor]:
    """Features for the regions; then objectness (A,) and candidate boxes (A, 4) of each level."""
    picture = prepared(module, image)
    features = list(module.backbone(picture).values())
    logits, deltas = module.rpn.head(features)
    grids = [(int(level.shape[-2]), int(level.shape[-1])) for level in features]
    anchors = grid_anchors(module.rpn.anchor_generator, picture.shape[-2:], grids)
    found = features[:pooled]
    for logit, delta, anchor in zip(logits, deltas, anchors, strict=True):
        # (1, A * values, H, W) to (H * W * A, values), the order of the anchors.
        flat = delta.reshape(1, -1, 4, *delta.shape[-2:]).permute(0, 3, 4, 1, 2).reshape(-1, 4)
        boxes = module.rpn.box_coder.decode_single(flat, anchor)
        found += [logit[0].permute(1, 2, 0).reshape(-1), clipped(boxes, module.transform.size)]
    return found


def _proposals(module: Any, *candidates: Tensor) -> Tensor:
    """The best candidates of each level that are large enough and overlap no better one: (R, 4)."""
    rpn = module.rpn
    logits, boxes = candidates[0::2], candidates[1::2]
    best_logits, best_boxes, groups = [], [], []
    for level, (logit, box) in enumerate(zip(logits, boxes, strict=True)):
        count = min(rpn.pre_nms_top_n(), int(logit.shape[0]))
        best, index = logit.topk(count)
        best_logits.append(best)
        best_boxes.append(box[index])
        groups.append(torch.full((count,), level, dtype=torch.int64))
    scores, box, group = torch.cat(best_logits).sigmoid(), torch.cat(best_boxes), torch.cat(groups)
    kept = torch.where(is_wide(box, rpn.min_size) & (scores >= rpn.score_thresh))[0]
    scores, box, group = scores[kept], box[kept], group[kept]
    kept = suppressed(box, scores, group, count=len(boxes), side=max(module.transform.size), threshold=rpn.nms_thresh)
    return box[kept[: rpn.post_nms_top_n()]]


def _pooled(module: Any, pool: Any, features: Sequence[Tensor], boxes: Tensor) -> Tensor:
    """Features under each box (K, C, *pool.output_size), from the level of the pyramid that suits its size.

    Every level is asked for every box and `where` chooses, so that nothing depends on how many boxes a level has.
    """
    # The batch has one picture: each region belongs to picture 0.
    regions = torch.cat((torch.zeros_like(boxes[:, :1]), boxes), dim=1)
    steps = [round(math.log2(module.transform.size[0] / level.shape[-2])) for level in features]
    ask = partial(roi_align, boxes=regions, output_size=pool.output_size, sampling_ratio=pool.sampling_ratio)
    found: Tensor = ask(features[0], spatial_scale=2.0 ** -steps[0])
    side = ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).sqrt()
    for step, level in zip(steps[1:], features[1:], strict=True):
        smallest = pool.canonical_scale * 2.0 ** (step - pool.canonical_level - _EPSILON)
        found = torch.where((side >= smallest)[:, None, None, None], ask(level, spatial_scale=2.0**-step), found)
    return found


def _regions(module: Any, *tensors: Tensor) -> tuple[Tensor, Tensor]:
    """Of each proposal its scores (R, C - 1) and boxes (R, C - 1, 4), for every class but the background."""
    heads = module.roi_heads
    features, proposals = tensors[:-1], tensors[-1]
    logits, deltas = heads.box_predictor(heads.box_head(_pooled(module, heads.box_roi_pool, features, proposals)))
    boxes = heads.box_coder.decode_single(deltas, proposals).reshape(-1, logits.shape[-1], 4)
    return logits.softmax(-1)[:, 1:], clipped(boxes, module.transform.size)[:, 1:]


def _detections(module: Any, class_scores: Tensor, class_boxes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The boxes that are good enough and overlap no better one of their class, with scores and labels."""
    heads = module.roi_heads
    classes = int(class_scores.shape[1])
    scores, boxes = class_scores.reshape(-1), class_boxes.reshape(-1, 4)
    kept = torch.where((scores > heads.score_thresh) & is_wide(boxes, _SMALLEST_REGION))[0]
    scores, boxes, labels = scores[kept], boxes[kept], kept % classes + 1
    kept = suppressed(
        boxes, scores, labels, count=classes + 1, side=max(module.transform.size), threshold=heads.nms_thresh
    )[: heads.detections_per_img]
    return boxes[kept], scores[kept], labels[kept] - module.transform.first_label


def _masks(module: Any, *tensors: Tensor) -> Tensor:
    """The mask of each box for its label, (K, 1, 28, 28), 0 to 1."""
    heads = module.roi_heads
    features, boxes, labels = tensors[:-2], tensors[-2], tensors[-1]
    logits = heads.mask_predictor(heads.mask_head(_pooled(module, heads.mask_roi_pool, features, boxes)))
    index = labels[:, None, None, None].expand(-1, 1, *logits.shape[-2:])
    found: Tensor = logits.sigmoid().gather(1, index)
    return found


def _heatmaps(module: Any, *tensors: Tensor) -> Tensor:
    """Of each box one map a key-point, (K, points, 56, 56)."""
    heads = module.roi_heads
    features, boxes = tensors[:-1], tensors[-1]
    found: Tensor = heads.keypoint_predictor(
        heads.keypoint_head(_pooled(module, heads.keypoint_roi_pool, features, boxes))
    )
    return found


def _keypoints(module: Any, heatmaps: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
    return peaks(heatmaps, boxes, size=module.transform.size)
