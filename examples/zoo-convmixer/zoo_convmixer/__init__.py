"""ConvMixer (Trockman and Kolter, 2022), for pictures of any size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from zoo_core import ModelSpec, TensorSpec, hookimpl

if TYPE_CHECKING:
    from .net import ConvMixer

LARGEST_PATCH = 8


def convmixer(
    *,
    in_channels: int = 3,
    width: int = 64,
    depth: int = 4,
    kernel_size: int = 5,
    patch_size: int = 2,
    num_classes: int = 10,
) -> ConvMixer:
    """`depth` blocks of `width` channels on patches of `patch_size` pixels; returns logits, shape (N, num_classes).

    Raises ValueError for a kernel of even size, and for patches larger than the smallest picture.
    """
    if min(in_channels, width, depth, kernel_size, num_classes) < 1:
        raise ValueError("in_channels, width, depth, kernel_size and num_classes are at least 1")
    if kernel_size % 2 == 0:
        raise ValueError(f"kernel_size is odd, so that pictures keep their size, not {kernel_size}")
    if not 1 <= patch_size <= LARGEST_PATCH:
        raise ValueError(f"patch_size is 1 to {LARGEST_PATCH}, not {patch_size}")
    from .net import ConvMixer  # torch lives there, and is needed only when a model is built

    return ConvMixer(in_channels, width, depth, kernel_size, patch_size, num_classes)


@hookimpl
def zoo_models() -> Iterator[ModelSpec]:
    yield ModelSpec(
        name="convmixer",
        build=convmixer,
        task="image-classification",
        summary="ConvMixer: patches, then depthwise and pointwise convolutions",
        inputs={"image": TensorSpec("N", "in_channels", "H", "W")},
        outputs={"logits": TensorSpec("N", "num_classes")},
        smallest={"H": LARGEST_PATCH, "W": LARGEST_PATCH},
        source="https://arxiv.org/abs/2201.09792",
        license="Apache-2.0",
        recipe={"lr": 0.01, "weight_decay": 0.05},
    )
