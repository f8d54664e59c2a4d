"""Builders: functions whose keyword-only signature is the option schema of an architecture.

Nothing is ever fetched: every net has fresh weights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Builder = Callable[..., Any]
Size = tuple[int, int]


def any_size(name: str, *, classes: int) -> Builder:
    """A fully convolutional net: one module, and one file, for pictures of any size."""

    def build(*, in_channels: int = 3, num_classes: int = classes) -> Any:
        """Returns logits, shape (N, num_classes)."""
        return _created(name, in_channels, num_classes)

    return build


def one_size(name: str, *, classes: int, side: Size, smallest: Size, told: bool) -> Builder:
    """A net for pictures of one size, from `smallest` up; `told`: timm builds the net for that size."""

    def build(*, in_channels: int = 3, num_classes: int = classes, height: int = side[0], width: int = side[1]) -> Any:
        """Returns logits, shape (N, num_classes), for pictures of one size."""
        if height < smallest[0] or width < smallest[1]:
            raise ValueError(f"pictures are at least {smallest[0]}x{smallest[1]}, not {height}x{width}")
        return _created(name, in_channels, num_classes, **({"img_size": (height, width)} if told else {}))

    return build


def _created(name: str, in_channels: int, num_classes: int, **more: Any) -> Any:
    from timm import create_model

    if in_channels < 1 or num_classes < 1:
        raise ValueError(f"in_channels and num_classes are at least 1, not {in_channels} and {num_classes}")
    return create_model(name, pretrained=False, in_chans=in_channels, num_classes=num_classes, **more)
