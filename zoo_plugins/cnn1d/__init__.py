"""A small convolutional network for signals: one class of several, or numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core import ModelSpec, TensorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .net import Cnn1d


def classifier(*, in_channels: int = 1, width: int = 24, num_classes: int = 2) -> Cnn1d:
    """Four strided convolutions, the mean and the largest value of each channel, one linear layer; logits (N, K)."""
    return _built(in_channels, width, num_classes)


def regressor(*, in_channels: int = 1, width: int = 24, num_targets: int = 1) -> Cnn1d:
    """The same network with numbers (N, num_targets) at its end."""
    return _built(in_channels, width, num_targets)


def _built(in_channels: int, width: int, outputs: int) -> Cnn1d:
    from .net import Cnn1d

    if min(in_channels, width, outputs) < 1:
        raise ValueError("the number of channels, the width and the number of outputs are at least 1")
    return Cnn1d(in_channels, width, outputs)


@hookimpl
def zoo_models() -> Iterator[ModelSpec]:
    for name, build, task, summary, output in (
        ("cnn1d", classifier, "sequence-classification", "small network for classes of signals", "logits"),
        ("cnn1d-regression", regressor, "sequence-regression", "small network for numbers of signals", "values"),
    ):
        yield ModelSpec(
            name=name,
            build=build,
            task=task,
            summary=summary,
            inputs={"sequence": TensorSpec("N", "in_channels", "L")},
            outputs={output: TensorSpec("N", "num_classes" if output == "logits" else "num_targets")},
            smallest={"L": 16},
            recipe={"epochs": 30, "lr": 0.003, "schedule": "one-cycle"},
            source="https://doi.org/10.48550/arXiv.1611.06455",
            license="Apache-2.0",
        )
