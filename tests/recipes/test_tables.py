"""The recipe of tables, and reading CSV and Parquet: what is a number, what is missing, what is not known."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from sklearn.preprocessing import StandardScaler

from zoo_core import MissingExtraError, Recipe, ZooError
from zoo_core.errors import RefusedFileError
from zoo_core.recipes import InputRecipe, learning, load_recipe, read_table

CSV = b"age,city,rank\n30,oslo,1\n50,rome,2\n,oslo,3\n40,NA,4\n44,rome,5\n46,bonn,6\n"
ROWS = read_table(CSV, name="a.csv").rows


def learnt(gives: str, rows: Any = ROWS, **fields: Any) -> InputRecipe:
    return learning(load_recipe(Recipe("table", gives=gives, **fields)), rows)


def made(recipe: InputRecipe, rows: Any) -> np.ndarray:
    return recipe.prepare(recipe.stack([recipe.read(row, name="a row") for row in rows]))


def parquet(**columns: Any) -> bytes:
    content = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), content)
    return content.getvalue()


def test_numbers_are_standardised_as_scikit_learn_does_and_missing_ones_are_the_mean() -> None:
    recipe = learnt("numbers")
    table = np.array([[30, 1], [50, 2], [np.nan, 3], [40, 4], [44, 5], [46, 6]])
    expected = np.nan_to_num(StandardScaler().fit_transform(table))
    found = made(recipe, ROWS)
    assert found.dtype == np.float32
    assert found[2, 0] == 0
    assert np.abs(found - expected).max() < 1e-6
    assert recipe.shape == (2,)


def test_categories_are_numbered_and_missing_rare_and_unknown_ones_have_numbers_of_their_own() -> None:
    recipe = learnt("categories")
    found = made(recipe, [*ROWS, {"age": "1", "city": "paris", "rank": "9"}])
    assert found[:, 0].tolist() == [2, 3, 2, 0, 3, 1, 1]
    assert found.dtype == np.int64
    assert recipe.values == (0, 4)
    assert made(learnt("categories", least=1), ROWS)[:, 0].tolist() == [3, 4, 3, 0, 4, 2]
    assert made(learnt("categories", most=1), ROWS)[:, 0].tolist() == [2, 1, 2, 0, 1, 1]


def test_columns_that_are_named_are_what_they_are_named() -> None:
    fields: dict[str, Any] = {"categories": ("rank",), "least": 1}
    assert made(learnt("categories", **fields), ROWS)[0].tolist() == [3, 2]
    assert made(learnt("numbers", **fields), ROWS).shape == (6, 1)
    with pytest.raises(ZooError, match="column 'city' has 'oslo', which is no number"):
        learnt("numbers", numbers=("city",))


def test_without_such_a_column_there_is_one_of_zeros() -> None:
    only = [{"city": "oslo"}, {"city": "rome"}]
    assert made(learnt("numbers", only), only).tolist() == [[0.0], [0.0]]


def test_a_column_that_does_not_vary_is_0() -> None:
    assert made(learnt("numbers", [{"a": "7"}, {"a": "7"}]), [{"a": "8"}]).tolist() == [[1.0]]


def test_what_was_learnt_travels_as_json() -> None:
    for gives in ("numbers", "categories"):
        recipe = learnt(gives)
        again = load_recipe(Recipe.from_json(recipe.to_json()))
        other = [{"city": "rome", "rank": 2, "age": None}]  # in another order, and from Parquet
        assert np.array_equal(made(again, other), made(recipe, other))
        assert again.to_json() == recipe.to_json()


def test_parquet_and_csv_are_the_same_table() -> None:
    content = parquet(age=[30.0, 50, None, 40, 44, 46], city=["oslo", "rome", "oslo", None, "rome", "bonn"])
    rows = read_table(content, name="a.parquet").rows
    assert learnt("numbers", rows).to_json()["learnt"]["mean"] == [42.0]
    assert made(learnt("categories"), [{**row, "rank": 1} for row in rows])[:, 0].tolist() == [2, 3, 2, 0, 3, 1]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"city": "oslo", "rank": "1"}, "has no column 'age', which the model was trained with"),
        ({"age": "old", "city": "oslo", "rank": "1"}, "column 'age' has 'old', which is no number"),
        ({"age": "inf", "city": "oslo", "rank": "1"}, "column 'age' has 'inf', which is no number"),
        ("oslo", "is no row of a table"),
    ],
)
def test_rows_that_do_not_fit_are_told(row: Any, words: str) -> None:
    with pytest.raises(ZooError, match=words):
        learnt("numbers").read(row, name="row 3")


def test_the_way_out_is_one_that_there_is_where_it_is_told() -> None:
    with pytest.raises(ZooError) as caught:
        learnt("numbers").read({"age": "old", "rank": "1"}, name="row 3")
    assert caught.value.hint == "a number, or an empty cell for one that is missing"  # `zoo predict` has no -d
    with pytest.raises(ZooError) as caught:
        learnt("numbers", numbers=("city",))
    assert "-d categories=city takes the column as texts" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("fields", "rows", "words"),
    [
        ({"numbers": ("age",), "categories": ("age",)}, ROWS, "'age' is among the numbers and among the categories"),
        ({"least": 0}, ROWS, "least and most are 1 or more"),
        ({"numbers": ("agee",)}, ROWS, "the table has no column 'agee'"),
        ({}, [], "a table without training rows has nothing to learn from"),
    ],
)
def test_what_cannot_be_learnt_is_told(fields: dict[str, Any], rows: Any, words: str) -> None:
    with pytest.raises(ZooError, match=words):
        learnt("numbers", rows, **fields)


@pytest.mark.parametrize(
    "damaged",
    [
        {"columns": "age"},
        {"columns": ["a", "a"], "mean": [0, 0], "std": [1, 1]},
        {"columns": ["a"], "mean": [0], "std": [0]},
        {"columns": ["a"], "mean": [], "std": [1]},
        {"columns": ["a"], "mean": ["x"], "std": [1]},
    ],
)
def test_a_damaged_recipe_is_told(damaged: dict[str, Any]) -> None:
    with pytest.raises(ZooError, match="what it has learnt of its columns is damaged"):
        load_recipe(Recipe("table", learnt=damaged))
    with pytest.raises(ZooError, match="what it has learnt of its columns is damaged"):
        load_recipe(Recipe("table", gives="categories", learnt={"columns": ["a"], "values": []}))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a,b\n1\n", "line 2 has 1 cell, and there are 2 columns"),
        (b"a,a\n1,2\n", "the column 'a' is there twice"),
        (b"1,2\n3,4\n", "its first line has numbers, and no names of columns"),
        (b"a,b\n", "has no rows"),
        (b"\xff\xfe,\n1", "is no table that can be read"),
        (b"a\n" + b"x" * (5 << 20), "a line of the table has more than"),
        (b"PAR1xxxx", "is no Parquet file that can be read"),
        (parquet(a=[[1, 2], [3]]), "the column 'a' holds list.*, which is not read"),
    ],
)
def test_what_is_no_table_is_told(content: bytes, words: str) -> None:
    with pytest.raises(ZooError, match=words) as caught:
        read_table(content, name="a.csv")
    assert "a.csv" in caught.value.message


def test_what_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("zoo_core.table_files.MAX_TABLE_CELLS", 5)
    with pytest.raises(RefusedFileError, match="it has over 5 cells"):
        read_table(CSV, name="a.csv")
    with pytest.raises(RefusedFileError, match="it has over 5 cells"):
        read_table(parquet(a=[1] * 6), name="a.parquet")
    monkeypatch.setattr("zoo_core.table_files.MAX_COLUMNS", 2)
    with pytest.raises(RefusedFileError, match="it has over 2 columns"):
        read_table(CSV, name="a.csv")
    monkeypatch.setattr("zoo_core.table_files.MAX_TABLE_BYTES", 9)
    with pytest.raises(RefusedFileError, match="a table has at most 0 MB"):
        read_table(CSV, name="a.csv")


def test_parquet_without_pyarrow_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    content = parquet(a=[1])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match="pyarrow"):
        read_table(content, name="a.parquet")
