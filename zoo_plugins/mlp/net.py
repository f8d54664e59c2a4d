"""The network of the multi-layer perceptron."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn


class MLP(nn.Module):
    """Images (N, ...) with `pixels` values each, float32, to logits (N, num_classes).

    Source: Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors", 1986.
    """

    def __init__(
        self,
        pixels: int,
        hidden: Sequence[int],
        num_classes: int,
        activation: Literal["relu", "tanh"] = "relu",
    ) -> None:
        super().__init__()
        widths = [pixels, *hidden, num_classes]
        if min(widths) < 1:
            raise ValueError(f"every layer is at least 1 wide, not {' -> '.join(map(str, widths))}")
        layers: list[nn.Module] = [nn.Flatten()]
        for before, after in pairwise(widths[:-1]):
            layers += [nn.Linear(before, after), nn.ReLU() if activation == "relu" else nn.Tanh()]
        layers.append(nn.Linear(widths[-2], widths[-1]))
        self.layers = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.layers(image)
        return logits
