"""The network of EmbedNet: two halvings by convolutions, and one linear layer that gives the vector."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812 torch's own convention
from torch import Tensor, nn


class EmbedNet(nn.Module):
    """Images (N, in_channels, height, width), at least 4 by 4, to vectors (N, numbers) whose length is 1."""

    smallest = 4

    def __init__(self, in_channels: int, height: int, width: int, numbers: int) -> None:
        super().__init__()
        if min(height, width) < self.smallest:
            raise ValueError(f"images are at least {self.smallest}x{self.smallest}, not {height}x{width}")
        if min(in_channels, numbers) < 1:
            raise ValueError(f"in_channels and numbers are at least 1, not {in_channels} and {numbers}")
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 16, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.embedding = nn.Linear(32 * (height // 4) * (width // 4), numbers)

    def forward(self, image: Tensor) -> Tensor:
        return F.normalize(self.embedding(self.features(image).flatten(1)), dim=1)
