"""The network of LeNet-5, with ReLU and max-pooling as it is taught today."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LeNet5(nn.Module):
    """Images (N, in_channels, height, width), float32, to logits (N, num_classes).

    The first convolution is padded, so that 28 by 28 images give the paper's 16 maps of 5 by 5 before the
    linear layers. Source: LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document
    recognition", 1998.
    """

    smallest = 12

    def __init__(self, in_channels: int, height: int, width: int, num_classes: int) -> None:
        super().__init__()
        if min(height, width) < self.smallest:
            raise ValueError(f"images are at least {self.smallest}x{self.smallest} for LeNet-5, not {height}x{width}")
        if in_channels < 1 or num_classes < 1:
            raise ValueError(f"in_channels and num_classes are at least 1, not {in_channels} and {num_classes}")
        rows, columns = _after_pooling(height), _after_pooling(width)
        self.conv1 = nn.Conv2d(in_channels, 6, kernel_size=5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, kernel_size=5)
        self.pool = nn.MaxPool2d(2)
        self.relu = nn.ReLU()
        self.fc1 = nn.Linear(16 * rows * columns, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, num_classes)

    def forward(self, image: Tensor) -> Tensor:
        x = self.pool(self.relu(self.conv1(image)))  # (N, 6, height / 2, width / 2)
        x = self.pool(self.relu(self.conv2(x)))  # (N, 16, rows, columns)
        x = torch.flatten(x, start_dim=1)
        x = self.relu(self.fc1(x))
        x = self.relu(self.fc2(x))
        logits: Tensor = self.fc3(x)
        return logits


def _after_pooling(side: int) -> int:
    """Side of the maps that reach the linear layers, for images with that `side`, in pixels."""
    return (side // 2 - 4) // 2
