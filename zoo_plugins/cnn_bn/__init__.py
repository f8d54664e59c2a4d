"""A convolutional network with batch normalisation and dropout, for images of any size from 6 by 6."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core import ModelSpec, TensorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .net import CNNBN


def cnn_bn(*, in_channels: int = 1, height: int = 28, width: int = 28, num_classes: int = 10) -> CNNBN:
    """Two normalised convolutions, a pool, two linear layers with dropout between; returns logits (N, num_classes).

    Raises ValueError for images below 6 by 6.
    """
    from .net import CNNBN  # torch lives there, and is needed only when a model is built

    return CNNBN(in_channels, height, width, num_classes)


@hookimpl
def zoo_models() -> Iterator[ModelSpec]:
    yield ModelSpec(
        name="cnn-bn",
        build=cnn_bn,
        task="image-classification",
        summary="Two convolutions with batch normalisation, and dropout",
        inputs={"image": TensorSpec("N", "in_channels", "height", "width")},
        outputs={"logits": TensorSpec("N", "num_classes")},
        source="https://github.com/trokas/ai_primer",
        license="Apache-2.0",
        recipe={"epochs": 7, "batch_size": 96, "optimizer": "muon", "lr": 0.02, "augment": "none"},
    )
