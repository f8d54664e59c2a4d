"""The network for spectrograms."""

from __future__ import annotations

import itertools

from torch import Tensor, nn


class MelNet(nn.Module):
    """Spectrograms (N, C, bands, frames), float32, to logits (N, num_classes).

    After Sainath and Parada, "Convolutional neural networks for small-footprint keyword spotting", 2015, with batch
    normalisation and the mean over all places in the place of their linear layers.
    """

    def __init__(self, in_channels: int, width: int, num_classes: int) -> None:
        super().__init__()
        if width < 1:
            raise ValueError(f"width is at least 1, not {width}")
        widths = (in_channels, width, 2 * width, 2 * width)
        layers: list[nn.Module] = [nn.BatchNorm2d(in_channels)]
        for before, after in itertools.pairwise(widths):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(widths[-1], num_classes)

    def forward(self, spectrogram: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(spectrogram).mean(dim=(2, 3)))
        return logits
