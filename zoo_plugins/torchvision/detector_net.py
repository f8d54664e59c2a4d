"""Torchvision's detectors as they are published, and the parts that all of them share when they run stage by stage.

Sizes are fixed and the batch is one picture, so that every shape is known but the number of boxes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 the usual name
from torch import Tensor, nn
from torchvision.models import get_model_builder
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.ops import FrozenBatchNorm2d, clip_boxes_to_image, nms

_FROZEN = {
    "fasterrcnn_resnet50_fpn": 0.0,
    "maskrcnn_resnet50_fpn": 0.0,
    "keypointrcnn_resnet50_fpn": 0.0,
    "retinanet_resnet50_fpn": 0.0,
    "fcos_resnet50_fpn": 1e-5,
    "fasterrcnn_mobilenet_v3_large_fpn": 1e-5,
    "fasterrcnn_mobilenet_v3_large_320_fpn": 1e-5,
}
"""Detectors whose published weights belong to a backbone with frozen statistics, and the epsilon of these."""


_WITHOUT_BACKGROUND = ("retinanet", "fcos")

_MOMENTUM = 0.1
"""Of running statistics in a training from fresh weights, torch's own default: MobileNets have 0.01 and SSDlite has
0.03, with which these lag hundreds of steps behind the weights."""


class PlainTransform(GeneralizedRCNNTransform):
    """Torchvision's, but masks stay as the net gives them, 28 by 28 for each box, and are not pasted into the picture.

    Boxes need no change: pictures come in the `size` (height, width) that the net works on. Labels are counted from the
    net's `first_label` on.
    """

    def __init__(
        self, like: GeneralizedRCNNTransform, *, size: tuple[int, int], fixed: bool, first_label: int = 0
    ) -> None:
        # With these two limits the resize inside, which keeps the aspect ratio, changes nothing.
        super().__init__(
            min(size),
            max(size),
            like.image_mean,
            like.image_std,
            size_divisible=like.size_divisible,
            fixed_size=(size[1], size[0]) if fixed else None,
        )
        self.size = size
        self.first_label = first_label

    def postprocess(
        self,
        result: list[dict[str, Tensor]],
        image_shapes: list[tuple[int, int]],
        original_image_sizes: list[tuple[int, int]],
    ) -> list[dict[str, Tensor]]:
        return [{**found, "labels": found["labels"] - self.first_label} for found in result]


def build_detector(
    name: str,
    *,
    size: tuple[int, int],
    num_classes: int,
    fresh: bool = False,
    detections: int | None = None,
    proposals: int | None = None,
) -> nn.Module:
    """The detector without weights for pictures of `size` (height, width), normalised as its published weights want.

    `fresh`: to be trained; `num_classes` counts things alone, to which the net adds a background where it has one, and
    its normalisation learns. `detections` and `proposals`: the most of them, None for torchvision's own number. Raises
    ValueError below 1.
    """
    if any(most is not None and most < 1 for most in (detections, proposals)):
        raise ValueError(f"detections and proposals are at least 1, not {detections} and {proposals}")
    first_label = int(fresh and not name.startswith(_WITHOUT_BACKGROUND))
    # Without weights every layer of the backbone is trained.
    module: Any = get_model_builder(name)(weights=None, weights_backbone=None, num_classes=num_classes + first_label)
    if name in _FROZEN and not fresh:
        # Without weights torchvision puts in layers that learn their statistics; the weights have none to load.
        _freeze(module.backbone, _FROZEN[name])
    if fresh:
        _follow(module)
    module.transform = PlainTransform(
        module.transform, size=size, fixed=module.transform.fixed_size is not None, first_label=first_label
    )
    if detections is not None:
        chooser = module.roi_heads if hasattr(module, "roi_heads") else module
        chooser.detections_per_img = detections
    if proposals is not None:
        for mode in ("testing", "training"):
            module.rpn._post_nms_top_n[mode] = proposals
        sampler = module.roi_heads.fg_bg_sampler
        sampler.batch_size_per_image = min(sampler.batch_size_per_image, proposals)
    found: nn.Module = module
    return found


def _freeze(module: nn.Module, epsilon: float) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, FrozenBatchNorm2d(child.num_features, eps=epsilon))
        else:
            _freeze(child, epsilon)


def _follow(module: nn.Module) -> None:
    """Let running statistics follow the weights as fast as these change."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d) and part.momentum is not None:
            part.momentum = max(part.momentum, _MOMENTUM)


def prepared(module: Any, image: Tensor) -> Tensor:
    """The normalised picture (1, 3, H, W), padded with zeros at the right and below as the backbone needs it."""
    step = module.transform.size_divisible
    height, width = image.shape[-2:]
    picture: Tensor = module.transform.normalize(image[0])[None]
    right, below = -width % step, -height % step
    return F.pad(picture, (0, right, 0, below)) if right or below else picture


def grid_anchors(generator: Any, padded: Sequence[int], grids: Sequence[tuple[int, int]]) -> list[Tensor]:
    """Anchor boxes (A, 4) for each level: the cells around every point of its grid, row by row."""
    found = []
    for cells, (rows, columns) in zip(generator.cell_anchors, grids, strict=True):
        x = torch.arange(columns, dtype=torch.float32) * (padded[1] // columns)
        y = torch.arange(rows, dtype=torch.float32) * (padded[0] // rows)
        centre_y, centre_x = torch.meshgrid(y, x, indexing="ij")
        centres = torch.stack((centre_x, centre_y, centre_x, centre_y), dim=-1).reshape(-1, 1, 4)
        found.append((centres + cells.to(centres.dtype)).reshape(-1, 4))
    return found


def clipped(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Boxes (..., 4) cut at the border of a picture of (height, width)."""
    inside: Tensor = clip_boxes_to_image(boxes, size)
    return inside


def is_wide(boxes: Tensor, smallest: float) -> Tensor:
    """Which boxes (R, 4) are at least `smallest` pixels wide and high."""
    return (boxes[:, 2] - boxes[:, 0] >= smallest) & (boxes[:, 3] - boxes[:, 1] >= smallest)


def suppressed(boxes: Tensor, scores: Tensor, groups: Tensor, *, count: int, side: int, threshold: float) -> Tensor:
    """Rows that are left when boxes of one group that overlap a better one are taken out, best first.

    `groups` are numbers below `count`, `side` is the longer side of the picture. Torchvision moves groups apart along
    the diagonal, or asks group by group when there are many boxes; a square of tiles around zero keeps coordinates
    small, and with them the rounding, and needs no test that depends on the data.
    """
    tiles = math.isqrt(max(count, 1) - 1) + 1
    tile = torch.stack((groups % tiles, torch.div(groups, tiles, rounding_mode="floor")), dim=1)
    shift = (tile - tiles // 2).to(boxes.dtype) * (side + 1)
    kept: Tensor = nms(boxes + torch.cat((shift, shift), dim=1), scores, threshold)
    return kept


def losses(module: Any, images: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """The losses that a detector computes itself. `images`: (N, 3, H, W); `targets`: padded boxes (N, M, 6), see
    `zoo_core.data.BoxTargets`, of which crowds are left out."""
    given = []
    for rows in targets:
        real = rows[(rows[:, 4] >= 0) & (rows[:, 5] == 0)]
        given.append({"boxes": real[:, :4], "labels": real[:, 4].long() + module.transform.first_label})
    found: dict[str, Tensor] = module(list(images), given)
    return found
