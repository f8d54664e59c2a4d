"""The recipe of tables: columns by name, numbers standardised and categories numbered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from zoo_core import RecipeSpec, hookimpl

if TYPE_CHECKING:
    from .columns import TableRecipe


def table(
    *,
    gives: Annotated[Literal["numbers", "categories"], "which columns of a row become the input"] = "numbers",
    numbers: Annotated[tuple[str, ...], "columns that are numbers; none: all whose cells are"] = (),
    categories: Annotated[tuple[str, ...], "columns that are categories; none: all others"] = (),
    least: Annotated[int, "how often a category is there to have a number of its own"] = 2,
    most: Annotated[int, "categories of a column with a number of their own, at most"] = 1000,
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
