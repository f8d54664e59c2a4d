"""The network of ConvMixer."""

from __future__ import annotations

from torch import Tensor, nn


class Mixer(nn.Module):
    """Maps (N, width, H, W) to the same shape: each channel by itself, with a shortcut, then each place by itself."""

    def __init__(self, width: int, kernel_size: int) -> None:
        super().__init__()
        depthwise = nn.Conv2d(width, width, kernel_size, padding=kernel_size // 2, groups=width)
        self.spatial = nn.Sequential(depthwise, nn.GELU(), nn.BatchNorm2d(width))
        self.channel = nn.Sequential(nn.Conv2d(width, width, kernel_size=1), nn.GELU(), nn.BatchNorm2d(width))

    def forward(self, maps: Tensor) -> Tensor:
        mixed: Tensor = self.channel(maps + self.spatial(maps))
        return mixed


class ConvMixer(nn.Module):
    """Pictures (N, in_channels, H, W), float32, to logits (N, num_classes).

    Source: Trockman and Kolter, "Patches Are All You Need?", 2022.
    """

    def __init__(
        self, in_channels: int, width: int, depth: int, kernel_size: int, patch_size: int, num_classes: int
    ) -> None:
        super().__init__()
        patches = nn.Conv2d(in_channels, width, patch_size, stride=patch_size)
        self.stem = nn.Sequential(patches, nn.GELU(), nn.BatchNorm2d(width))
        self.blocks = nn.Sequential(*(Mixer(width, kernel_size) for _ in range(depth)))
        self.head = nn.Linear(width, num_classes)

    def forward(self, image: Tensor) -> Tensor:
        maps = self.blocks(self.stem(image))
        logits: Tensor = self.head(maps.mean(dim=(2, 3)))
        return logits
