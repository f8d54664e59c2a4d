"""A multi-layer perceptron for rows of tables: numbers, and categories as learnt vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo_core import ModelSpec, TensorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .net import TableMLP, TableRegression


def classifier(
    *,
    numbers: int = 4,
    categories: int = 1,
    values: int = 10,
    num_classes: int = 2,
    hidden: tuple[int, ...] = (64, 32),
    width: int = 8,
    dropout: float = 0.5,
    input_dropout: float = 0.2,
) -> TableMLP:
    """Logits (N, num_classes) of a linear model and of layers beside it.

    `width`: of the vector of a category. `input_dropout`: part of the row that the layers do not see in training.
    Raises ValueError for a width below 1.
    """
    from .net import TableMLP  # torch lives there, and is needed only when a model is built

    return TableMLP(
        numbers,
        categories,
        values,
        num_classes,
        hidden=hidden,
        width=width,
        dropout=dropout,
        input_dropout=input_dropout,
    )


def regressor(
    *,
    numbers: int = 4,
    categories: int = 1,
    values: int = 10,
    num_targets: int = 1,
    hidden: tuple[int, ...] = (64, 32),
    width: int = 8,
    dropout: float = 0.1,
    input_dropout: float = 0.0,
) -> TableRegression:
    """As `classifier`, K numbers (N, num_targets) on any scale instead of logits."""
    from .net import TableRegression

    return TableRegression(
        numbers,
        categories,
        values,
        num_targets,
        hidden=hidden,
        width=width,
        dropout=dropout,
        input_dropout=input_dropout,
    )


@hookimpl
def zoo_models() -> Iterator[ModelSpec]:
    shared: Mapping[str, Any] = {
        "inputs": {
            "numbers": TensorSpec("N", "numbers", low=-3.0, high=3.0),
            "categories": TensorSpec("N", "categories", dtype="int64", low=0, high="values"),
        },
        "source": "https://arxiv.org/abs/1604.06737",
        "license": "Apache-2.0",
        "recipe": {"epochs": 30, "batch_size": 64, "lr": 0.003, "augment": "none"},
    }
    yield ModelSpec(
        name="tablemlp",
        build=classifier,
        task="table-classification",
        summary="Small MLP on the numbers and the categories of a row",
        outputs={"logits": TensorSpec("N", "num_classes")},
        **shared,
    )
    yield ModelSpec(
        name="tablemlp-regression",
        build=regressor,
        task="regression",
        summary="Small MLP on the numbers and the categories of a row, for numbers",
        outputs={"values": TensorSpec("N", "num_targets")},
        **shared,
    )
