"""A small convolutional network with tanh, for images of any size from 4 by 4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core import ModelSpec, TensorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .net import CNNTanh


def cnn_tanh(*, in_channels: int = 3, height: int = 32, width: int = 32, num_classes: int = 10) -> CNNTanh:
    """Two conv-tanh-pool steps, then two linear layers; returns logits, shape (N, num_classes).

    Raises ValueError for images below 4 by 4.
    """
    from .net import CNNTanh  # torch lives there, and is needed only when a model is built

    return CNNTanh(in_channels, height, width, num_classes)


@hookimpl
def zoo_models() -> Iterator[ModelSpec]:
    yield ModelSpec(
        name="cnn-tanh",
        build=cnn_tanh,
        task="image-classification",
        summary="Small convolutional network with tanh",
        inputs={"image": TensorSpec("N", "in_channels", "height", "width")},
        outputs={"logits": TensorSpec("N", "num_classes")},
        source="https://github.com/deep-learning-with-pytorch/dlwpt-code",
        license="Apache-2.0",
        recipe={"epochs": 30, "optimizer": "sgd", "lr": 0.05, "weight_decay": 0.001},
    )
