"""The network of `regressor`: wide and deep (Cheng et al., 2016), for numbers alone."""

from __future__ import annotations

from torch import Tensor, nn


class Regressor(nn.Module):
    """Numbers (N, num_targets) for rows (N, features) on any scale: batch normalisation standardises them."""

    def __init__(self, features: int, hidden: int, num_targets: int, dropout: float) -> None:
        super().__init__()
        self.standard = nn.BatchNorm1d(features, affine=False)
        self.wide = nn.Linear(features, num_targets)
        self.deep = nn.Sequential(
            nn.Linear(features, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, num_targets, bias=False),
        )

    def forward(self, row: Tensor) -> Tensor:
        standard = self.standard(row)
        numbers: Tensor = self.wide(standard) + self.deep(standard)
        return numbers
