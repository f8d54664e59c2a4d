"""A small convolutional network for texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core import ModelSpec, TensorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .net import TextCNN


def textcnn(
    *,
    vocabulary: int = 5002,
    length: int = 64,
    num_classes: int = 2,
    width: int = 64,
    heads: int = 4,
    dropout: float = 0.5,
) -> TextCNN:
    """Logits (N, num_classes) of a convolution over three tokens, its largest values over the text, and of `heads`
    weighted means of the tokens.

    Raises ValueError for a width or heads below 1.
    """
    from .net import TextCNN  # torch lives there, and is needed only when a model is built

    return TextCNN(vocabulary, num_classes, width=width, heads=heads, dropout=dropout)


@hookimpl
def zoo_models() -> Iterator[ModelSpec]:
    yield ModelSpec(
        name="textcnn",
        build=textcnn,
        task="text-classification",
        summary="Small CNN on the tokens of a text",
        inputs={
            "tokens": TensorSpec("N", "length", dtype="int64", low=0, high="vocabulary"),
            "mask": TensorSpec("N", "length", dtype="bool"),
        },
        outputs={"logits": TensorSpec("N", "num_classes")},
        source="https://arxiv.org/abs/1408.5882",
        license="Apache-2.0",
        recipe={
            "epochs": 8,
            "batch_size": 32,
            "lr": 0.003,
            "weight_decay": 0.1,
            "label_smoothing": 0.1,
            "augment": "none",
        },
    )
