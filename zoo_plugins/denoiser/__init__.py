"""Pictures from pictures: DnCNN (Zhang et al., 2017), which learns the noise, and ESPCN (Shi et al., 2016), which
enlarges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core import ModelSpec, TensorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .net import ESPCN, DnCNN


def dncnn(*, in_channels: int = 1, depth: int = 6, width: int = 24) -> DnCNN:
    """`depth` convolutions of `width` channels whose output is taken from the picture: (N, in_channels, H, W)."""
    from .net import DnCNN

    return DnCNN(in_channels, depth, width)


def espcn(*, in_channels: int = 1, width: int = 32) -> ESPCN:
    """Three convolutions on the small picture, and one that gives the four pixels of each: twice as large."""
    from .net import ESPCN

    return ESPCN(in_channels, width)


@hookimpl
def zoo_models() -> Iterator[ModelSpec]:
    yield ModelSpec(
        name="dncnn",
        build=dncnn,
        task="image-to-image",
        summary="DnCNN: learns the noise of a picture, and takes it away",
        inputs={"image": TensorSpec("N", "in_channels", "H", "W", low=0, high=1)},
        outputs={"picture": TensorSpec("N", "in_channels", "H", "W")},
        source="https://arxiv.org/abs/1608.03981",
        license="Apache-2.0",
        recipe={"epochs": 12, "batch_size": 32, "optimizer": "adamw", "lr": 0.003},
    )
    yield ModelSpec(
        name="espcn",
        build=espcn,
        task="image-to-image",
        summary="ESPCN: makes a picture twice as large",
        inputs={"image": TensorSpec("N", "in_channels", "H", "W", low=0, high=1)},
        outputs={"picture": TensorSpec("N", "in_channels", "2*H", "2*W")},
        source="https://arxiv.org/abs/1609.05158",
        license="Apache-2.0",
        recipe={"epochs": 12, "batch_size": 32, "optimizer": "adamw", "lr": 0.003},
    )
