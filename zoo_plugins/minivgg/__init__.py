"""MiniVGG: two blocks of small convolutions in the manner of VGG, for images of any size from 12 by 12."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core import ModelSpec, TensorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .net import MiniVGG


def minivgg(*, in_channels: int = 1, height: int = 28, width: int = 28, num_classes: int = 10) -> MiniVGG:
    """Two blocks of two convolutions and a pool, then three linear layers; returns logits, shape (N, num_classes).

    Raises ValueError for images below 12 by 12.
    """
    from .net import MiniVGG  # torch lives there, and is needed only when a model is built

    return MiniVGG(in_channels, height, width, num_classes)


@hookimpl
def zoo_models() -> Iterator[ModelSpec]:
    yield ModelSpec(
        name="minivgg",
        build=minivgg,
        task="image-classification",
        summary="Two VGG-like blocks for small images",
        inputs={"image": TensorSpec("N", "in_channels", "height", "width")},
        outputs={"logits": TensorSpec("N", "num_classes")},
        source="https://github.com/duchesnay/pystatsml",
        license="Apache-2.0",
        recipe={"epochs": 16, "batch_size": 128, "optimizer": "muon", "lr": 0.006, "weight_decay": 0.05},
    )
