"""ResNet-9 (Page, 2018), which won DAWNBench's race to train CIFAR-10, for images of any size from 8 by 8."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core import ModelSpec, TensorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .net import ResNet9


def resnet9(*, in_channels: int = 3, height: int = 32, width: int = 32, num_classes: int = 10) -> ResNet9:
    """Eight convolutions with batch normalisation, two shortcuts, one linear layer; returns logits (N, num_classes).

    Raises ValueError for images below 8 by 8.
    """
    from .net import ResNet9  # torch lives there, and is needed only when a model is built

    return ResNet9(in_channels, height, width, num_classes)


@hookimpl
def zoo_models() -> Iterator[ModelSpec]:
    yield ModelSpec(
        name="resnet9",
        build=resnet9,
        task="image-classification",
        summary="ResNet-9 of DAWNBench, quick to train on CIFAR-10",
        inputs={"image": TensorSpec("N", "in_channels", "height", "width")},
        outputs={"logits": TensorSpec("N", "num_classes")},
        source="https://github.com/davidcpage/cifar10-fast",
        license="Apache-2.0",
    )
