"""The network of TC-ResNet."""

from __future__ import annotations

import itertools

from torch import Tensor, nn

WIDTHS = (2, 3, 4, 6)
"""Channels of the first layer and of each block, in halves of `width`: 16, 24, 32 and 48 in the paper."""


class Block(nn.Module):
    """Maps (N, channels, T) to (N, width, half of T, rounded up): two convolutions beside a shortcut."""

    def __init__(self, channels: int, width: int, kernel_size: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv1d(channels, width, kernel_size, stride=2, padding=kernel_size // 2, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Conv1d(width, width, kernel_size, padding=kernel_size // 2, bias=False),
            nn.BatchNorm1d(width),
        )
        self.shortcut = nn.Sequential(
            nn.Conv1d(channels, width, 1, stride=2, bias=False), nn.BatchNorm1d(width), nn.ReLU()
        )

    def forward(self, values: Tensor) -> Tensor:
        return nn.functional.relu(self.convolutions(values) + self.shortcut(values))


class TCResNet(nn.Module):
    """Cepstra (N, coefficients, T), float32, to logits (N, num_classes).

    Source: Choi et al., "Temporal convolution for real-time keyword spotting on mobile devices", 2019.
    """

    def __init__(self, coefficients: int, width: int, kernel_size: int, num_classes: int) -> None:
        super().__init__()
        widths = [width * part // 2 for part in WIDTHS]
        self.stem = nn.Conv1d(coefficients, widths[0], 3, padding=1, bias=False)
        self.blocks = nn.Sequential(*(Block(*pair, kernel_size) for pair in itertools.pairwise(widths)))
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(widths[-1], num_classes)

    def forward(self, cepstrum: Tensor) -> Tensor:
        logits: Tensor = self.head(self.dropout(self.blocks(self.stem(cepstrum)).mean(dim=2)))
        return logits
