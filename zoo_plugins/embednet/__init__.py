"""A small convolutional net whose vectors lie near each other for one class (trained as in Khosla et al., 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core import ModelSpec, TensorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .net import EmbedNet


def embednet(*, in_channels: int = 1, height: int = 28, width: int = 28, numbers: int = 32) -> EmbedNet:
    """Two convolutions and a linear layer; returns vectors of length 1, shape (N, numbers).

    Raises ValueError for images below 4 by 4.
    """
    from .net import EmbedNet

    return EmbedNet(in_channels, height, width, numbers)


@hookimpl
def zoo_models() -> Iterator[ModelSpec]:
    yield ModelSpec(
        name="embednet",
        build=embednet,
        task="embedding",
        summary="pictures as vectors of length 1, near to those of their class",
        inputs={"image": TensorSpec("N", "in_channels", "height", "width")},
        outputs={"embedding": TensorSpec("N", "numbers")},
        source="https://arxiv.org/abs/2004.11362",
        license="Apache-2.0",
        recipe={"epochs": 10, "batch_size": 64, "lr": 0.003},
    )
