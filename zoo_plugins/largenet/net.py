"""The network of LargeNet; its name is the course's, where a smaller one comes first."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LargeNet(nn.Module):
    """Images (N, in_channels, height, width), float32, to logits (N,), one an image.

    Source: the course APS360 of the University of Toronto, "Convolutional Neural Networks".
    """

    smallest = 16

    def __init__(self, in_channels: int, height: int, width: int) -> None:
        super().__init__()
        if min(height, width) < self.smallest:
            raise ValueError(f"images are at least {self.smallest}x{self.smallest} for LargeNet, not {height}x{width}")
        if in_channels < 1:
            raise ValueError(f"in_channels is at least 1, not {in_channels}")
        rows, columns = _after_pooling(height), _after_pooling(width)
        self.conv1 = nn.Conv2d(in_channels, 5, kernel_size=5)
        self.conv2 = nn.Conv2d(5, 10, kernel_size=5)
        self.pool = nn.MaxPool2d(2)
        self.relu = nn.ReLU()
        self.fc1 = nn.Linear(10 * rows * columns, 32)
        self.fc2 = nn.Linear(32, 1)

    def forward(self, image: Tensor) -> Tensor:
        x = self.pool(self.relu(self.conv1(image)))  # (N, 5, (height - 4) / 2, (width - 4) / 2)
        x = self.pool(self.relu(self.conv2(x)))  # (N, 10, rows, columns)
        x = torch.flatten(x, start_dim=1)
        x = self.relu(self.fc1(x))
        logits: Tensor = self.fc2(x)
        return logits.squeeze(1)


def _after_pooling(side: int) -> int:
    """Side of the maps that reach the linear layers, for images with that `side`, in pixels."""
    return ((side - 4) // 2 - 4) // 2
