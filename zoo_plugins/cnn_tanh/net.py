"""The small network with tanh."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class CNNTanh(nn.Module):
    """Images (N, in_channels, height, width), float32, to logits (N, num_classes).

    Source: Stevens, Antiga, Viehmann, "Deep Learning with PyTorch", chapter 8, 2020.
    """

    smallest = 4

    def __init__(self, in_channels: int, height: int, width: int, num_classes: int) -> None:
        super().__init__()
        if min(height, width) < self.smallest:
            raise ValueError(f"images are at least {self.smallest}x{self.smallest} for cnn-tanh, not {height}x{width}")
        if in_channels < 1 or num_classes < 1:
            raise ValueError(f"in_channels and num_classes are at least 1, not {in_channels} and {num_classes}")
        self.conv1 = nn.Conv2d(in_channels, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 8, kernel_size=3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.tanh = nn.Tanh()
        self.fc1 = nn.Linear(8 * (height // 4) * (width // 4), 32)
        self.fc2 = nn.Linear(32, num_classes)

    def forward(self, image: Tensor) -> Tensor:
        x = self.pool(self.tanh(self.conv1(image)))  # (N, 16, height / 2, width / 2)
        x = self.pool(self.tanh(self.conv2(x)))  # (N, 8, height / 4, width / 4)
        x = torch.flatten(x, start_dim=1)
        x = self.tanh(self.fc1(x))
        logits: Tensor = self.fc2(x)
        return logits
