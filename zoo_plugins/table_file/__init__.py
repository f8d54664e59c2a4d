"""Your own tables: CSV or Parquet, with a column that is to be told from the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from zoo_core import DatasetSpec, Recipe, TensorSpec, hookimpl

if TYPE_CHECKING:
    from zoo_core.data import ArraySplit


def classes_file(
    root: Path,
    *,
    split: str,
    download: bool,
    target: Annotated[str, "the column to be told from the others"] = "label",
    numbers: Annotated[tuple[str, ...], "columns that are numbers; none: all whose cells are"] = (),
    categories: Annotated[tuple[str, ...], "columns that are categories, such as codes; none: all others"] = (),
    drop: Annotated[tuple[str, ...], "columns that are left out, such as a number of the row"] = (),
) -> ArraySplit | None:
    """The rows of a split, each with the class in its column `target`; None where there is no file for it.

    `root`: one file, which is train, or a folder with train.csv, and validation.csv and test.csv where there are any;
    or .parquet. Columns in `drop` are left out; `numbers` and `categories` are as the recipe "table" has them.
    """
    from .files import read_classes

    return read_classes(root, split, target=target, drop=drop)


def numbers_file(
    root: Path,
    *,
    split: str,
    download: bool,
    target: Annotated[tuple[str, ...], "the columns of numbers to be told from the others"] = ("label",),
    numbers: Annotated[tuple[str, ...], "columns that are numbers; none: all whose cells are"] = (),
    categories: Annotated[tuple[str, ...], "columns that are categories, such as codes; none: all others"] = (),
    drop: Annotated[tuple[str, ...], "columns that are left out, such as a number of the row"] = (),
) -> ArraySplit | None:
    """As `classes_file`, each row with the numbers in its columns `target`, one or several."""
    from .files import read_numbers

    return read_numbers(root, split, target=target, drop=drop)


@hookimpl
def zoo_datasets() -> Iterator[DatasetSpec]:
    shared: Mapping[str, Any] = {
        "inputs": {
            "numbers": TensorSpec("N", "K"),
            "categories": TensorSpec("N", "C", dtype="int64"),
        },
        "recipes": {
            name: Recipe("table", source="row", gives=name, numbers=(), categories=())
            for name in ("numbers", "categories")
        },
        "splits": ("train", "validation", "test"),
    }
    yield DatasetSpec(
        name="table-file",
        load=classes_file,
        task="table-classification",
        summary="your own table, a class for each row: -d root=FILE.csv -d target=COLUMN",
        **shared,
    )
    yield DatasetSpec(
        name="table-file-regression",
        load=numbers_file,
        task="regression",
        summary="your own table, numbers for each row: -d root=FILE.csv -d target=COLUMN",
        own_files=True,
        **shared,
    )
