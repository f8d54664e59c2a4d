"""The network of `cnn1d` and `cnn1d-regression`, after Wang, Yan and Oates (2017)."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn


class Cnn1d(nn.Module):
    """Numbers (N, outputs) for signals (N, in_channels, L) of at least 16 values."""

    def __init__(self, in_channels: int, width: int, outputs: int) -> None:
        super().__init__()
        channels = (in_channels, width, 2 * width, 4 * width, 4 * width)
        self.stages = nn.Sequential(
            *(
                nn.Sequential(
                    nn.Conv1d(before, after, 7, stride=2, padding=3, bias=False), nn.BatchNorm1d(after), nn.ReLU()
                )
                for before, after in itertools.pairwise(channels)
            )
        )
        self.head = nn.Linear(2 * channels[-1], outputs)

    def forward(self, sequence: Tensor) -> Tensor:
        found = self.stages(sequence)
        numbers: Tensor = self.head(torch.cat([found.mean(dim=2), found.amax(dim=2)], dim=1))
        return numbers
