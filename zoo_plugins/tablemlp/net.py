"""The network for rows of tables."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class TableMLP(nn.Module):
    """Numbers (N, K), float32, and categories (N, C), int64 from 0 to `values` - 1, to (N, outputs).

    After Guo and Berkhahn, "Entity embeddings of categorical variables", 2016.
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
    ) -> None:
        super().__init__()
        widths = [numbers + categories * width, *hidden]
        if min(width, *widths) < 1:
            raise ValueError(f"every layer is at least 1 wide, not {' -> '.join(map(str, (width, *widths)))}")
        # One table for all columns, which gives each of them rows of its own.
        self.vectors = nn.Embedding(categories * values, width)
        self.register_buffer("offsets", torch.arange(categories) * values)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [nn.Linear(before, after), nn.ReLU(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], outputs))

    def forward(self, numbers: Tensor, categories: Tensor) -> Tensor:
        vectors = self.vectors(categories + self.offsets).flatten(1)
        values: Tensor = self.layers(torch.cat([numbers, vectors], dim=1))
        return values
