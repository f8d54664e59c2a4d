"""Numbers from numbers: a linear model, with a small network that corrects it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core import ModelSpec, TensorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .net import Regressor


def regressor(*, features: int = 10, hidden: int = 64, num_targets: int = 1, dropout: float = 0.7) -> Regressor:
    """Standardised inputs, then a linear layer plus a layer of `hidden` values; returns numbers (N, num_targets)."""
    from .net import Regressor

    if min(features, hidden, num_targets) < 1 or not 0 <= dropout < 1:
        raise ValueError("features, hidden and num_targets are at least 1, dropout is from 0 to below 1")
    return Regressor(features, hidden, num_targets, dropout)


@hookimpl
def zoo_models() -> Iterator[ModelSpec]:
    yield ModelSpec(
        name="regressor",
        build=regressor,
        task="regression",
        summary="a linear model, corrected by a small network, for rows of numbers",
        inputs={"row": TensorSpec("N", "features")},
        outputs={"values": TensorSpec("N", "num_targets")},
        recipe={"epochs": 60, "lr": 0.003, "weight_decay": 1.0, "batch_size": 16},
        source="https://doi.org/10.1145/2988450.2988454",
        license="Apache-2.0",
    )
