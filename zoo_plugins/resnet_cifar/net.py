"""The residual network for CIFAR-10."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def conv3x3(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    """A convolution without bias, because batch normalisation follows it."""
    return nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1, bias=False)


class ResidualBlock(nn.Module):
    """Two normalised convolutions beside a shortcut; maps (N, in_channels, rows, columns) to (N, out_channels, ...).

    Where size or channels change, the shortcut is a normalised convolution too.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = conv3x3(in_channels, out_channels, stride)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = conv3x3(out_channels, out_channels)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU()
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                conv3x3(in_channels, out_channels, stride),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        changed = self.relu(self.bn1(self.conv1(x)))
        changed = self.bn2(self.conv2(changed))
        result: Tensor = self.relu(changed + self.shortcut(x))
        return result


class ResNetCifar(nn.Module):
    """Images (N, in_channels, height, width), float32, to logits (N, num_classes).

    Every group after the first halves the size and doubles the channels. The last maps are averaged over all their
    pixels, so that the linear layer is the same for every size. Source: He, Zhang, Ren, Sun, "Deep residual learning
    for image recognition", 2015, section 4.2; with convolutions in the shortcuts, as in pystatsml.
    """

    smallest = 1

    def __init__(self, in_channels: int, height: int, width: int, num_classes: int, blocks: Sequence[int]) -> None:
        super().__init__()
        if min(height, width) < self.smallest:
            raise ValueError(
                f"images are at least {self.smallest}x{self.smallest} for resnet-cifar, not {height}x{width}"
            )
        if in_channels < 1 or num_classes < 1:
            raise ValueError(f"in_channels and num_classes are at least 1, not {in_channels} and {num_classes}")
        if not blocks or min(blocks) < 1:
            raise ValueError(f"blocks are at least one group of at least 1 block, not {tuple(blocks)}")
        channels = 16
        self.conv = conv3x3(in_channels, channels)
        self.bn = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()
        groups = []
        for place, count in enumerate(blocks):
            wider = 16 * 2**place
            first = ResidualBlock(channels, wider, stride=2 if place else 1)
            groups.append(nn.Sequential(first, *(ResidualBlock(wider, wider, stride=1) for _ in range(count - 1))))
            channels = wider
        self.groups = nn.Sequential(*groups)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, num_classes)

    def forward(self, image: Tensor) -> Tensor:
        x = self.groups(self.relu(self.bn(self.conv(image))))  # (N, 64, height / 4, width / 4) with three groups
        x = torch.flatten(self.pool(x), start_dim=1)
        logits: Tensor = self.fc(x)
        return logits
