"""The network for rows of tables."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


class TableMLP(nn.Module):
    """Numbers (N, K), float32, and categories (N, C), int64 from 0 to `values` - 1, to (N, outputs).

    After Guo and Berkhahn, "Entity embeddings of categorical variables", 2016, with a linear model beside the layers as
    in Cheng et al., "Wide & deep learning", 2016: what is linear needs no layers, and they learn the rest.
    """

    offsets: Tensor

    def __init__(
        self,
        numbers: int,
        categories: int,
        values: int,
        outputs: int,
        *,
        hidden: Sequence[int],
        width: int,
        dropout: float,
        input_dropout: float,
    ) -> None:
        super().__init__()
        widths = [numbers + categories * width, *hidden]
        if min(width, *widths) < 1:
            raise ValueError(f"every layer is at least 1 wide, not {' -> '.join(map(str, (width, *widths)))}")
        # One table for all columns, which gives each of them rows of its own.
        self.vectors = nn.Embedding(categories * values, width)
        self.register_buffer("offsets", torch.arange(categories) * values)
        self.wide = nn.Linear(widths[0], outputs)
        layers: list[nn.Module] = [nn.Dropout(input_dropout)]
        for before, after in itertools.pairwise(widths):
            layers += [nn.Linear(before, after), nn.ReLU(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], outputs))

    def forward(self, numbers: Tensor, categories: Tensor) -> Tensor:
        vectors = self.vectors(categories + self.offsets).flatten(1)
        row = torch.cat([numbers, vectors], dim=1)
        values: Tensor = self.wide(row) + self.layers(row)
        return values


class TableRegression(TableMLP):
    """Numbers (N, outputs) on any scale: they are learnt as standardised ones, of which `center` and `scale` make those
    of the training targets."""

    center: Tensor
    scale: Tensor

    def __init__(self, numbers: int, categories: int, values: int, outputs: int, **options: Any) -> None:
        super().__init__(numbers, categories, values, outputs, **options)
        self.register_buffer("center", torch.zeros(outputs))
        self.register_buffer("scale", torch.ones(outputs))

    def see_targets(self, targets: Tensor) -> None:
        """Take over mean and deviation of the training targets (N, outputs)."""
        self.center.copy_(targets.mean(dim=0))
        deviation = targets.std(dim=0, correction=0)
        self.scale.copy_(torch.where(deviation > 0, deviation, 1))

    def forward(self, numbers: Tensor, categories: Tensor) -> Tensor:
        return self.center + self.scale * super().forward(numbers, categories)
