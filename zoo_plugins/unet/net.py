"""The network of U-Net."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def double_conv(in_channels: int, out_channels: int) -> nn.Sequential:
    """Two 3 by 3 convolutions that keep the size, each with ReLU."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1),
        nn.ReLU(),
    )


class Up(nn.Module):
    """Maps (N, 2 * channels, rows, columns) and those of the skip connection, twice as large, to (N, channels, ...)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(2 * channels, channels, kernel_size=2, stride=2)
        self.convs = double_conv(2 * channels, channels)

    def forward(self, below: Tensor, skip: Tensor) -> Tensor:
        joined: Tensor = self.convs(torch.cat((self.up(below), skip), dim=1))
        return joined


class UNet(nn.Module):
    """Images (N, in_channels, height, width), float32, to logits (N, num_classes, height, width).

    Height and width are multiples of 16: they are halved four times. Source: Ronneberger, Fischer, Brox, "U-Net:
    Convolutional networks for biomedical image segmentation", 2015; with padding, so that the size is kept.
    """

    def __init__(self, in_channels: int, num_classes: int, base_channels: int) -> None:
        super().__init__()
        if min(in_channels, num_classes, base_channels) < 1:
            raise ValueError(
                "in_channels, num_classes and base_channels are at least 1, "
                f"not {in_channels}, {num_classes} and {base_channels}"
            )
        first, second, third, fourth, fifth = (base_channels * 2**level for level in range(5))
        self.enc1 = double_conv(in_channels, first)
        self.enc2 = double_conv(first, second)
        self.enc3 = double_conv(second, third)
        self.enc4 = double_conv(third, fourth)
        self.bottleneck = double_conv(fourth, fifth)
        self.pool = nn.MaxPool2d(2)
        self.up4, self.up3, self.up2, self.up1 = Up(fourth), Up(third), Up(second), Up(first)
        self.out = nn.Conv2d(first, num_classes, kernel_size=1)

    def forward(self, image: Tensor) -> Tensor:
        enc1 = self.enc1(image)
        enc2 = self.enc2(self.pool(enc1))
        enc3 = self.enc3(self.pool(enc2))
        enc4 = self.enc4(self.pool(enc3))
        x = self.bottleneck(self.pool(enc4))  # (N, 16 * base_channels, height / 16, width / 16)
        x = self.up4(x, enc4)
        x = self.up3(x, enc3)
        x = self.up2(x, enc2)
        x = self.up1(x, enc1)
        logits: Tensor = self.out(x)
        return logits
