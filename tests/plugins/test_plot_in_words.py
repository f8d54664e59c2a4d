"""`zoo plot` of answers that are numbers, tags or boxes: in words beside the truth, and the worst of them in a CSV."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TRAININGS = {
    "numbers": ("regressor", "diabetes", ()),
    "tags": ("tagnet", "shape-scenes", ("train_size=64", "val_size=20", "test_size=20")),
    "boxes": ("tinydet", "digit-scenes", ("count=60",)),
}


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=() if kind == "numbers" else pytest.mark.slow) for kind in TRAININGS]
)
def test_answers_are_drawn_and_the_worst_are_listed(kind: str, zoo_here: Callable[..., Any]) -> None:
    model, dataset, data = TRAININGS[kind]
    options = [word for option in data for word in ("-d", option)]
    done = zoo_here("train", model, "--dataset", dataset, *options, "--epochs", "1", "--run", "r")
    assert done.code == 0, done.stderr
    total = zoo_here("eval", "r", "--json").json["n"]
    assert zoo_here("eval", "r").code == 0
    refused = zoo_here("plot", "r", "--what", "confusion")
    assert (refused.code, "a confusion matrix is for classes, not for" in refused.stderr) == (2, True)
    every = zoo_here("plot", "r", "--what", "all", "--json")
    assert every.code == 0, every.stderr
    names = {Path(file).name for file in every.json["files"]}
    assert {"predictions.png", "errors.png", "errors.csv"} <= names
    with Path("runs/r/plots/errors.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == total
    badness = [float(row["badness"]) for row in rows]
    assert badness == sorted(badness, reverse=True)
    assert sorted(int(row["sample"]) for row in rows) == list(range(total))
    assert all(row["truth"] and row["answer"] for row in rows)
    if kind == "numbers":
        assert all(
            abs(float(row["truth"]) - float(row["answer"])) == pytest.approx(float(row["badness"]), abs=0.01)
            for row in rows
        )
