"""The residual network for CIFAR-10 (He et al., 2015), for images of any size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core import ModelSpec, TensorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .net import ResNetCifar


def resnet_cifar(
    *,
    in_channels: int = 3,
    height: int = 32,
    width: int = 32,
    num_classes: int = 10,
    blocks: tuple[int, ...] = (2, 2, 2),
) -> ResNetCifar:
    """Groups of as many residual blocks as `blocks` says, on 16, 32, 64, ... channels; returns logits (N, num_classes).

    Raises ValueError for images below 1 by 1, and for a group without a block.
    """
    from .net import ResNetCifar  # torch lives there, and is needed only when a model is built

    return ResNetCifar(in_channels, height, width, num_classes, blocks)


@hookimpl
def zoo_models() -> Iterator[ModelSpec]:
    yield ModelSpec(
        name="resnet-cifar",
        build=resnet_cifar,
        task="image-classification",
        summary="Residual network for small images, 16 to 64 channels",
        inputs={"image": TensorSpec("N", "in_channels", "height", "width")},
        outputs={"logits": TensorSpec("N", "num_classes")},
        source="https://arxiv.org/abs/1512.03385",
        license="Apache-2.0",
        recipe={
            "epochs": 11,
            "batch_size": 128,
            "optimizer": "muon",
            "lr": 0.02,
            "weight_decay": 0.1,
            "augment": "usual,-crop",
            "small_first": 0.75,
        },
    )
