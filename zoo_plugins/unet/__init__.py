"""U-Net (Ronneberger et al., 2015) with padded convolutions, for images whose sides are multiples of 16."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core import ModelSpec, TensorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .net import UNet


def unet(*, in_channels: int = 3, num_classes: int = 1, base_channels: int = 64) -> UNet:
    """Four levels down and up, with skip connections; returns logits, shape (N, num_classes, height, width).

    `base_channels`: channels of the first level; every further level doubles them.
    """
    from .net import UNet  # torch lives there, and is needed only when a model is built

    return UNet(in_channels, num_classes, base_channels)


@hookimpl
def zoo_models() -> Iterator[ModelSpec]:
    yield ModelSpec(
        name="unet",
        build=unet,
        task="semantic-segmentation",
        summary="U-Net, four levels, transposed convolutions",
        inputs={"image": TensorSpec("N", "in_channels", "16*H", "16*W")},
        outputs={"logits": TensorSpec("N", "num_classes", "16*H", "16*W")},
        source="https://arxiv.org/abs/1505.04597",
        license="Apache-2.0",
        recipe={"epochs": 36, "batch_size": 4, "optimizer": "muon", "lr": 0.006, "augment": "flip,affine,color"},
    )
