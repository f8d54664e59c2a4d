"""LargeNet: a small binary classifier with one logit, for images of any size from 16 by 16."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core import ModelSpec, TensorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .net import LargeNet


def largenet(*, in_channels: int = 3, height: int = 32, width: int = 32) -> LargeNet:
    """Two conv-pool pairs, then two linear layers; returns one logit an image, shape (N,).

    Raises ValueError for images below 16 by 16.
    """
    from .net import LargeNet  # torch lives there, and is needed only when a model is built

    return LargeNet(in_channels, height, width)


@hookimpl
def zoo_models() -> Iterator[ModelSpec]:
    yield ModelSpec(
        name="largenet",
        build=largenet,
        task="binary-classification",
        summary="Small binary classifier with one logit",
        inputs={"image": TensorSpec("N", "in_channels", "height", "width")},
        outputs={"logits": TensorSpec("N")},
        source="https://www.cs.toronto.edu/~lczhang/360/",
        license="Apache-2.0",
    )
