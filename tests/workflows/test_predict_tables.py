"""`zoo predict` of tables: a column that is missing is told once, and so are values that training has not seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from number_models import mean_sign

from zoo_core import Recipe
from zoo_core.recipes import learning, load_recipe

RunZoo = Callable[..., Any]
ROWS = [{"city": city, "kind": kind} for city, kind in (("oslo", "a"), ("rome", "b")) for _ in range(2)]


@pytest.fixture
def export(here: Path) -> Path:
    recipe = learning(load_recipe(Recipe("table", gives="categories")), ROWS).recipe
    return mean_sign(here, 2, name="rows", dtype="int64", recipes={"x": recipe})


def test_a_missing_column_is_a_fault_of_the_file(export: Path, run_zoo: RunZoo) -> None:
    Path("a.csv").write_text("city,age\n" + "oslo,3\n" * 50)
    done = run_zoo("predict", "rows", "a.csv", "--json")
    assert done.code == 1
    (row,) = done.json
    assert row["input"] == "a.csv"
    assert row["error"].startswith(
        "a.csv has no column 'kind', with which the model was trained (its columns are city,"
    )
    assert "1 of 1 input could not be predicted" in done.stderr
    Path("b.csv").write_text("age\n3\n")
    assert "has no column 'city' and no column 'kind'" in run_zoo("predict", "rows", "b.csv", "--json").json[0]["error"]


def test_values_that_training_has_not_seen_are_told_once_and_in_each_row(export: Path, run_zoo: RunZoo) -> None:
    Path("a.csv").write_text("city,kind\n" + "tokyo,a\n" * 30 + "oslo,a\n" + "lima,zz\n" + ",b\n")
    done = run_zoo("predict", "rows", "a.csv", "--json")
    assert done.code == 0
    assert [row.get("unknown") for row in done.json[29:]] == [["city"], None, ["city", "kind"], None]
    told = "with a value of {} that training has not seen, or hardly: it counts as unknown"
    assert done.stderr.splitlines() == [f"31 rows {told.format(repr('city'))}", f"1 row {told.format(repr('kind'))}"]
    assert run_zoo("predict", "rows", "a.csv", "--out", "r.jsonl").code == 0
    assert json.loads(Path("r.jsonl").read_text().splitlines()[0])["unknown"] == ["city"]
    assert run_zoo("predict", "rows", "a.csv", "--out", "r.csv").code == 0
    assert Path("r.csv").read_text().splitlines()[0] == "input,label,probability,error"
    Path("known.csv").write_text("city,kind\noslo,a\n")
    assert run_zoo("predict", "rows", "known.csv").stderr == ""
