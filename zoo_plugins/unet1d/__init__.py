"""A one-dimensional U-Net with one level, which marks a peak in a noisy sequence of any even length."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core import ModelSpec, TensorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .net import UNet1d


def unet1d(*, in_channels: int = 1, num_classes: int = 1) -> UNet1d:
    """Down once, up once, and a skip connection; returns logits, shape (N, num_classes, length)."""
    from .net import UNet1d  # torch lives there, and is needed only when a model is built

    return UNet1d(in_channels, num_classes)


@hookimpl
def zoo_models() -> Iterator[ModelSpec]:
    yield ModelSpec(
        name="unet1d",
        build=unet1d,
        task="sequence-segmentation",
        summary="One-level U-Net for sequences",
        inputs={"sequence": TensorSpec("N", "in_channels", "2*L")},
        outputs={"logits": TensorSpec("N", "num_classes", "2*L")},
        source="https://github.com/trokas/ai_primer",
        license="Apache-2.0",
        recipe={"epochs": 40, "batch_size": 10, "lr": 0.02},
    )
