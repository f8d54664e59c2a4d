"""The network of ResNet-9."""

from __future__ import annotations

from torch import Tensor, nn


def conv_bn(in_channels: int, out_channels: int) -> nn.Sequential:
    """A 3 by 3 convolution that keeps the size, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )


class Residual(nn.Module):
    """Maps (N, channels, rows, columns) plus what two convolutions make of them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(conv_bn(channels, channels), conv_bn(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = x + self.convs(x)
        return added


class ResNet9(nn.Module):
    """Images (N, in_channels, height, width), float32, to logits (N, num_classes).

    The largest value of each map, and an eighth of what the linear layer gives, as in the source: Page, "How to train
    your ResNet", 2018, an entry of DAWNBench.
    """

    smallest = 8
    scale = 0.125

    def __init__(self, in_channels: int, height: int, width: int, num_classes: int) -> None:
        super().__init__()
        if min(height, width) < self.smallest:
            raise ValueError(f"images are at least {self.smallest}x{self.smallest} for ResNet-9, not {height}x{width}")
        if in_channels < 1 or num_classes < 1:
            raise ValueError(f"in_channels and num_classes are at least 1, not {in_channels} and {num_classes}")
        self.prep = conv_bn(in_channels, 64)
        self.layer1 = nn.Sequential(conv_bn(64, 128), nn.MaxPool2d(2), Residual(128))
        self.layer2 = nn.Sequential(conv_bn(128, 256), nn.MaxPool2d(2))
        self.layer3 = nn.Sequential(conv_bn(256, 512), nn.MaxPool2d(2), Residual(512))
        self.fc = nn.Linear(512, num_classes, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        x = self.layer1(self.prep(image))  # (N, 128, height / 2, width / 2)
        x = self.layer3(self.layer2(x))  # (N, 512, height / 8, width / 8)
        logits: Tensor = self.scale * self.fc(x.amax(dim=(2, 3)))
        return logits
