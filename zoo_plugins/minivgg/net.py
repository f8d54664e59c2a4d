"""The network of MiniVGG."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MiniVGG(nn.Module):
    """Images (N, in_channels, height, width), float32, to logits (N, num_classes).

    Only the last convolution is padded. Source: pystatsml, "Convolutional Neural Networks", MiniVGGNet, after Simonyan
    and Zisserman, "Very deep convolutional networks for large-scale image recognition", 2014.
    """

    smallest = 12

    def __init__(self, in_channels: int, height: int, width: int, num_classes: int) -> None:
        super().__init__()
        if min(height, width) < self.smallest:
            raise ValueError(f"images are at least {self.smallest}x{self.smallest} for MiniVGG, not {height}x{width}")
        if in_channels < 1 or num_classes < 1:
            raise ValueError(f"in_channels and num_classes are at least 1, not {in_channels} and {num_classes}")
        rows, columns = _after_pooling(height), _after_pooling(width)
        self.conv11 = nn.Conv2d(in_channels, 16, kernel_size=3)
        self.conv12 = nn.Conv2d(16, 16, kernel_size=3)
        self.conv21 = nn.Conv2d(16, 32, kernel_size=3)
        self.conv22 = nn.Conv2d(32, 32, kernel_size=3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.relu = nn.ReLU()
        self.fc1 = nn.Linear(32 * rows * columns, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, num_classes)

    def forward(self, image: Tensor) -> Tensor:
        x = self.relu(self.conv11(image))
        x = self.pool(self.relu(self.conv12(x)))  # (N, 16, (height - 4) / 2, (width - 4) / 2)
        x = self.relu(self.conv21(x))
        x = self.pool(self.relu(self.conv22(x)))  # (N, 32, rows, columns)
        x = torch.flatten(x, start_dim=1)
        x = self.relu(self.fc1(x))
        x = self.relu(self.fc2(x))
        logits: Tensor = self.fc3(x)
        return logits


def _after_pooling(side: int) -> int:
    """Side of the maps that reach the linear layers, for images with that `side`, in pixels."""
    return ((side - 4) // 2 - 2) // 2
