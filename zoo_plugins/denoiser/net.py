"""The networks of DnCNN and ESPCN, for pictures of any size whose values are 0 to 1."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812 torch's own convention
from torch import Tensor, nn

LARGER = 2
"""How many times as large ESPCN makes a picture."""


class DnCNN(nn.Module):
    """Pictures (N, in_channels, H, W) to pictures of the same shape, without their noise.

    Without the batch normalisation of the paper: with so few layers it trains as well without.
    """

    def __init__(self, in_channels: int, depth: int, width: int) -> None:
        super().__init__()
        if min(in_channels, width) < 1 or depth < 2:
            raise ValueError(
                f"in_channels and width are at least 1, depth at least 2, not {in_channels}, {width} and {depth}"
            )
        first = nn.Conv2d(in_channels, width, kernel_size=3, padding=1)
        inner = (nn.Conv2d(width, width, kernel_size=3, padding=1) for _ in range(depth - 2))
        layers = [layer for conv in (first, *inner) for layer in (conv, nn.ReLU())]
        last = nn.Conv2d(width, in_channels, kernel_size=3, padding=1)
        self.noise = nn.Sequential(*layers, last)

    def forward(self, image: Tensor) -> Tensor:
        picture: Tensor = image - self.noise(image)
        return picture


class ESPCN(nn.Module):
    """Pictures (N, in_channels, H, W) to pictures (N, in_channels, 2 H, 2 W).

    What it learns is added to the picture enlarged by bilinear interpolation.
    """

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        if min(in_channels, width) < 1:
            raise ValueError(f"in_channels and width are at least 1, not {in_channels} and {width}")
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, width, kernel_size=5, padding=2),
            nn.ReLU(),
            nn.Conv2d(width, width, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, in_channels * LARGER**2, kernel_size=3, padding=1),
        )
        self.spread = nn.PixelShuffle(LARGER)

    def forward(self, image: Tensor) -> Tensor:
        enlarged = F.interpolate(image, scale_factor=float(LARGER), mode="bilinear", align_corners=False)
        picture: Tensor = enlarged + self.spread(self.features(image))
        return picture
