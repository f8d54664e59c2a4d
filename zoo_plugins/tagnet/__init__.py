"""A small convolutional network that says which classes are on a picture: none, one or several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core import ModelSpec, TensorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .net import TagNet


def tagnet(*, in_channels: int = 1, width: int = 24, num_classes: int = 4) -> TagNet:
    """Three stages of two convolutions each, the largest value of each channel, one linear layer; logits (N, K)."""
    from .net import TagNet

    if min(in_channels, width, num_classes) < 1:
        raise ValueError("in_channels, width and num_classes are at least 1")
    return TagNet(in_channels, width, num_classes)


@hookimpl
def zoo_models() -> Iterator[ModelSpec]:
    yield ModelSpec(
        name="tagnet",
        build=tagnet,
        task="multilabel-classification",
        summary="small network for tags: which of several things are on a picture",
        inputs={"image": TensorSpec("N", "in_channels", "H", "W")},
        outputs={"logits": TensorSpec("N", "num_classes")},
        smallest={"H": 8, "W": 8},
        recipe={"epochs": 30, "lr": 0.003, "schedule": "one-cycle"},
        source="https://doi.org/10.48550/arXiv.1409.1556",
        license="Apache-2.0",
    )
