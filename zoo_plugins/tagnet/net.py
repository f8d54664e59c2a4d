"""The network of `tagnet`."""

from __future__ import annotations

from torch import Tensor, nn


class TagNet(nn.Module):
    """Logits (N, num_classes) for pictures (N, in_channels, H, W) of at least 8 by 8."""

    def __init__(self, in_channels: int, width: int, num_classes: int) -> None:
        super().__init__()
        self.stages = nn.Sequential(
            stage(in_channels, width),
            nn.MaxPool2d(2),
            stage(width, 2 * width),
            nn.MaxPool2d(2),
            stage(2 * width, 4 * width),
        )
        self.head = nn.Linear(4 * width, num_classes)

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.head(self.stages(image).amax(dim=(2, 3)))
        return logits


def stage(channels: int, width: int) -> nn.Sequential:
    """Two convolutions of 3 by 3, each with batch normalisation."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Conv2d(width, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
    )
