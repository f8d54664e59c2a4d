"""Convolutions whose kernels are given."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from .kernels import Bank


class FixedConv2d(nn.Module):
    """Pictures (N, in, H, W) to (N, out, H - side + 1, W - side + 1), or (N, out, H, W) with padding.

    The kernels are a buffer: they are saved and exported like weights, and nothing trains them. As in every network,
    they are not mirrored (cross-correlation).
    """

    kernels: Tensor

    def __init__(self, bank: Bank, *, padding: bool) -> None:
        super().__init__()
        self.register_buffer("kernels", torch.tensor(bank, dtype=torch.float32))
        self.padding = self.kernels.shape[-1] // 2 if padding else 0

    def forward(self, image: Tensor) -> Tensor:
        return conv2d(image, self.kernels, padding=self.padding)


class FilterNet(nn.Module):
    """Pictures (N, channels, H, W), float32, values 0 to 1, to filtered pictures of any range.

    `magnitude`: the length of the vector that the last layer's maps form at each pixel, (N, 1, ...).
    """

    def __init__(self, layers: Sequence[Bank], *, magnitude: bool, padding: bool) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(FixedConv2d(bank, padding=padding) for bank in layers))
        self.magnitude = magnitude

    def forward(self, image: Tensor) -> Tensor:
        filtered: Tensor = self.layers(image)
        if not self.magnitude:
            return filtered
        # Unlike sqrt(x^2 + y^2), it has a gradient where the picture is flat: 0 instead of NaN.
        magnitude: Tensor = torch.linalg.vector_norm(filtered, dim=1, keepdim=True)
        return magnitude
