"""The recipe of tables: columns by name, numbers standardised and categories numbered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from zoo_core import RecipeSpec, hookimpl

if TYPE_CHECKING:
    from .columns import TableRecipe


def table(
    *,
    gives: Literal["numbers", "categories"] = "numbers",
    numbers: tuple[str, ...] = (),
    categories: tuple[str, ...] = (),
    least: int = 2,
    most: int = 1000,
) -> TableRecipe:
    """One input of a row: its `numbers`, float32 (N, K), or its `categories`, int64 (N, K).

    Columns that neither list names are numbers where every cell of the training part is a number or missing, else
    categories. A cell is missing that is empty, or NA, N/A, NaN, null or None, in capitals or not.

    Numbers have the mean of the training part taken off and are divided by its standard deviation; a missing one is the
    mean, 0. Categories are numbered from 2 on, in the order of their texts; 1 is one that training has not seen, or
    fewer than `least` times, or that is not among the `most` frequent ones; 0 is a missing one. Where there is no such
    column, the input has one of zeros.
    """
    from .columns import Chosen, TableRecipe

    return TableRecipe(gives=gives, chosen=Chosen(numbers=numbers, categories=categories), least=least, most=most)


@hookimpl
def zoo_recipes() -> Iterator[RecipeSpec]:
    yield RecipeSpec(
        name="table",
        summary="the numbers or the categories of a row",
        load=table,
        suffixes=(".csv", ".parquet"),
    )
