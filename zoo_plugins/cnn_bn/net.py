"""The network with batch normalisation and dropout."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class CNNBN(nn.Module):
    """Images (N, in_channels, height, width), float32, to logits (N, num_classes).

    Source: the AI primer, "CNN". Batch normalisation: Ioffe and Szegedy, 2015.
    """

    smallest = 6

    def __init__(self, in_channels: int, height: int, width: int, num_classes: int) -> None:
        super().__init__()
        if min(height, width) < self.smallest:
            raise ValueError(f"images are at least {self.smallest}x{self.smallest} for cnn-bn, not {height}x{width}")
        if in_channels < 1 or num_classes < 1:
            raise ValueError(f"in_channels and num_classes are at least 1, not {in_channels} and {num_classes}")
        rows, columns = _after_pooling(height), _after_pooling(width)
        self.conv1 = nn.Conv2d(in_channels, 32, kernel_size=3)
        self.bn1 = nn.BatchNorm2d(32)
        self.conv2 = nn.Conv2d(32, 32, kernel_size=3)
        self.bn2 = nn.BatchNorm2d(32)
        self.pool = nn.MaxPool2d(2)
        self.bn3 = nn.BatchNorm2d(32)
        self.relu = nn.ReLU()
        self.fc1 = nn.Linear(32 * rows * columns, 128)
        self.dropout = nn.Dropout(0.2)
        self.fc2 = nn.Linear(128, num_classes)

    def forward(self, image: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(image)))  # (N, 32, height - 2, width - 2)
        x = self.relu(self.bn2(self.conv2(x)))
        x = self.bn3(self.pool(x))  # (N, 32, rows, columns)
        x = torch.flatten(x, start_dim=1)
        x = self.dropout(self.relu(self.fc1(x)))
        logits: Tensor = self.fc2(x)
        return logits


def _after_pooling(side: int) -> int:
    """Side of the maps that reach the linear layers, for images with that `side`, in pixels."""
    return (side - 4) // 2
