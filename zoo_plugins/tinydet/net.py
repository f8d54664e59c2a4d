"""The network of tinydet, and its loss."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F  # noqa: N812 torch's own convention
from torch import Tensor, nn
from torchvision.ops import generalized_box_iou_loss

STRIDE = 8
"""Pixels of the picture for one cell of the maps."""
RARE = 0.01
"""How probable a thing is in a cell before training: few cells have one."""
NEAR = 0.5
"""Cells whose nearness to the middle of a box is above this learn the box."""
FOCUS, FORGIVING = 2, 4
"""Exponents of the focal loss: for cells that are easy, and for cells near a middle."""
BOX_WEIGHT = 2.0


def conv(in_channels: int, out_channels: int, *, stride: int = 1) -> nn.Sequential:
    """A 3 by 3 convolution, normalised."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )


class Residual(nn.Module):
    """Two convolutions beside the way through."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = conv(channels, channels), conv(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = x + self.second(self.first(x))
        return added


class TinyDet(nn.Module):
    """Images (N, in_channels, 8 H, 8 W) to logits (N, num_classes, H, W) and boxes (N, 4, H, W) in pixels.

    Each cell says what has its middle there, and where its four sides are: anchor-free, as in FCOS (Tian et al., 2019)
    and CenterNet (Zhou et al., 2019).
    """

    def __init__(self, in_channels: int, num_classes: int, width: int) -> None:
        super().__init__()
        if min(in_channels, num_classes, width) < 1:
            raise ValueError(
                f"in_channels, num_classes and width are at least 1, not {in_channels}, {num_classes} and {width}"
            )
        self.body = nn.Sequential(
            conv(in_channels, width, stride=2),
            conv(width, 2 * width, stride=2),
            Residual(2 * width),
            conv(2 * width, 4 * width, stride=2),
            Residual(4 * width),
            Residual(4 * width),
        )
        logits = nn.Conv2d(4 * width, num_classes, kernel_size=1)
        nn.init.constant_(logits.get_parameter("bias"), -math.log(1 / RARE - 1))
        self.classes = nn.Sequential(conv(4 * width, 4 * width), logits)
        self.sides = nn.Sequential(conv(4 * width, 4 * width), nn.Conv2d(4 * width, 4, kernel_size=1))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(image)
        left, top, right, bottom = (STRIDE * F.softplus(self.sides(features))).unbind(1)
        y, x = (_middles(side, image) for side in features.shape[2:])
        y = y[:, None]
        boxes = torch.stack([x - left, y - top, x + right, y + bottom], dim=1)
        return self.classes(features), boxes


def _middles(cells: int, like: Tensor) -> Tensor:
    """The middle of each cell along one side, in pixels."""
    return (torch.arange(cells, device=like.device, dtype=like.dtype) + 0.5) * STRIDE


def loss(outputs: Mapping[str, Tensor], targets: Tensor) -> Tensor:
    """What TinyDet minimises: a focal loss of the classes, and 1 - GIoU of the boxes near the middle of a thing.

    `targets`: padded boxes (N, M, 6), see `zoo_core.data.BoxTargets`.
    """
    logits, boxes = outputs["logits"], outputs["boxes"]
    near, middle = _nearness(targets, logits)
    found = _class_loss(logits, near, middle, targets)
    if not targets.shape[1]:
        return found
    nearest, whose = near.max(dim=1)
    chosen = nearest > NEAR
    wanted = targets[..., :4].gather(1, whose.flatten(1)[..., None].expand(-1, -1, 4))[chosen.flatten(1)]
    given = boxes.permute(0, 2, 3, 1)[chosen]
    weights = nearest[chosen]
    apart = generalized_box_iou_loss(given, wanted.to(given.dtype)) * weights
    return found + BOX_WEIGHT * apart.sum() / weights.sum().clamp(min=1)


def _nearness(targets: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
    """How near each cell is to the middle of each box, from 0 to 1, and whether it has the middle: (N, M, H, W)."""
    rows, columns = logits.shape[2:]
    low, high = targets[..., 0:2].to(logits.dtype), targets[..., 2:4].to(logits.dtype)
    cell = ((low + high) / 2 / STRIDE).floor()  # (N, M, 2) as x, y
    spread = ((high - low) / STRIDE / 6).clamp(min=0.4)
    x = torch.arange(columns, device=logits.device) - cell[..., :1]
    y = torch.arange(rows, device=logits.device) - cell[..., 1:]
    x, y = (x / spread[..., :1])[:, :, None], (y / spread[..., 1:])[..., None]
    real = (targets[..., 4] >= 0)[..., None, None]
    near = torch.exp(-(x**2 + y**2) / 2) * real
    return near, near == 1


def _class_loss(logits: Tensor, near: Tensor, middle: Tensor, targets: Tensor) -> Tensor:
    """The penalty-reduced focal loss of CenterNet: a cell near a middle is forgiven more for a yes."""
    wanted = torch.zeros_like(logits)
    is_middle = torch.zeros_like(logits, dtype=torch.bool)
    for number in range(logits.shape[1]):
        own = (targets[..., 4] == number)[..., None, None]
        if near.shape[1]:
            wanted[:, number] = (near * own).amax(dim=1)
            is_middle[:, number] = (middle & own).any(dim=1)
    chance = logits.sigmoid()
    yes = -((1 - chance) ** FOCUS) * F.logsigmoid(logits)
    no = -((1 - wanted) ** FORGIVING) * chance**FOCUS * F.logsigmoid(-logits)
    return torch.where(is_middle, yes, no).sum() / is_middle.sum().clamp(min=1)
