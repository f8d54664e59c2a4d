"""The network of `regressor`: wide and deep (Cheng et al., 2016), for numbers alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Regressor(nn.Module):
    """Numbers (N, num_targets) for rows (N, features), both on any scale.

    Batch normalisation standardises the rows. The answers are learnt as standardised numbers, and `center` and `scale`
    make those of the training targets of them.
    """

    center: Tensor
    scale: Tensor

    def __init__(self, features: int, hidden: int, num_targets: int, dropout: float) -> None:
        super().__init__()
        self.standard = nn.BatchNorm1d(features, affine=False, momentum=None)  # of all batches, not of the last ones
        self.wide = nn.Linear(features, num_targets)
        last = nn.Linear(hidden, num_targets, bias=False)
        nn.init.zeros_(last.weight)  # what is linear is learnt first, and by the wide part
        self.deep = nn.Sequential(
            nn.Linear(features, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            last,
        )
        self.register_buffer("center", torch.zeros(num_targets))
        self.register_buffer("scale", torch.ones(num_targets))

    def see_targets(self, targets: Tensor) -> None:
        """Take over mean and deviation of the training targets (N, num_targets)."""
        self.center.copy_(targets.mean(dim=0))
        deviation = targets.std(dim=0, correction=0)
        self.scale.copy_(torch.where(deviation > 0, deviation, 1))

    def forward(self, row: Tensor) -> Tensor:
        standard = self.standard(row)
        numbers: Tensor = self.center + self.scale * (self.wide(standard) + self.deep(standard))
        return numbers
