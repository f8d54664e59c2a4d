"""The one-dimensional U-Net."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class UNet1d(nn.Module):
    """Sequences (N, in_channels, length), float32, to logits (N, num_classes, length); the length is even.

    Source: the AI primer, "CNN", without its last sigmoid; after Ronneberger, Fischer, Brox, "U-Net", 2015.
    """

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        if in_channels < 1 or num_classes < 1:
            raise ValueError(f"in_channels and num_classes are at least 1, not {in_channels} and {num_classes}")
        self.down1 = nn.Conv1d(in_channels, 16, kernel_size=3, padding=1)
        self.down2 = nn.Conv1d(16, 32, kernel_size=3, stride=2, padding=1)
        self.up1 = nn.ConvTranspose1d(32, 16, kernel_size=3, stride=2, padding=1, output_padding=1)
        self.out = nn.Conv1d(32, num_classes, kernel_size=3, padding=1)
        self.relu = nn.ReLU()

    def forward(self, sequence: Tensor) -> Tensor:
        wide = self.relu(self.down1(sequence))  # (N, 16, length)
        narrow = self.relu(self.down2(wide))  # (N, 32, length / 2)
        up = self.relu(self.up1(narrow))  # (N, 16, length)
        logits: Tensor = self.out(torch.cat((up, wide), dim=1))
        return logits
