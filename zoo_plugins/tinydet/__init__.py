"""A small detector without anchors, for pictures whose sides are multiples of 8."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo_core import ModelSpec, TensorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .net import TinyDet


def tinydet(*, in_channels: int = 1, num_classes: int = 10, width: int = 16) -> TinyDet:
    """Returns logits, shape (N, num_classes, height / 8, width / 8), and boxes (N, 4, ...): x1, y1, x2, y2 in pixels.

    `width`: channels of the first layer; the last ones have four times as many.
    """
    from .net import TinyDet  # torch lives there, and is needed only when a model is built

    return TinyDet(in_channels, num_classes, width)


def loss(outputs: Any, targets: Any) -> Any:
    """A focal loss of the classes, and 1 - GIoU of the boxes."""
    from .net import loss as value

    return value(outputs, targets)


@hookimpl
def zoo_models() -> Iterator[ModelSpec]:
    yield ModelSpec(
        name="tinydet",
        build=tinydet,
        task="detection",
        summary="anchor-free detector, one map of cells of 8 pixels",
        inputs={"image": TensorSpec("N", "in_channels", "8*H", "8*W")},
        outputs={"logits": TensorSpec("N", "num_classes", "H", "W"), "boxes": TensorSpec("N", 4, "H", "W")},
        source="https://arxiv.org/abs/1904.07850",
        license="Apache-2.0",
        recipe={"epochs": 14, "batch_size": 16, "optimizer": "adamw", "lr": 0.004},
        loss=loss,
    )
