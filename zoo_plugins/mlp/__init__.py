"""A multi-layer perceptron: flattened pixels, hidden layers of chosen widths; images of any size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from zoo_core import ModelSpec, TensorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .net import MLP


def mlp(
    *,
    in_channels: int = 1,
    height: int = 28,
    width: int = 28,
    num_classes: int = 10,
    hidden: tuple[int, ...] = (128, 64),
    activation: Literal["relu", "tanh"] = "relu",
) -> MLP:
    """Linear layers as wide as `hidden` says, each with the activation; returns logits (N, num_classes).

    No hidden layer (`hidden=`) is a linear classifier. Raises ValueError for a width below 1.
    """
    from .net import MLP  # torch lives there, and is needed only when a model is built

    return MLP(in_channels * height * width, hidden, num_classes, activation)


@hookimpl
def zoo_models() -> Iterator[ModelSpec]:
    yield ModelSpec(
        name="mlp",
        build=mlp,
        task="image-classification",
        summary="Multi-layer perceptron on flattened pixels",
        inputs={"image": TensorSpec("N", "in_channels", "height", "width")},
        outputs={"logits": TensorSpec("N", "num_classes")},
        source="https://doi.org/10.1038/323533a0",
        license="Apache-2.0",
        recipe={"epochs": 8, "batch_size": 128, "lr": 0.004, "augment": "none"},
    )
