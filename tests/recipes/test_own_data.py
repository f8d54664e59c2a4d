"""Sounds, tables and texts of one's own: trained, exported, evaluated and predicted by the recipe of the training."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from own_data import own_data

RunZoo = Any


@pytest.fixture
def data(tmp_path: Path) -> Path:
    own_data(tmp_path)
    return tmp_path


TRAININGS = {
    "melnet": ("audio-folder", ["-d", "root=sounds"], "12", "sounds/test/low/0.wav", "accuracy", 0.9),
    "tablemlp": (
        "table-file",
        ["-d", "root=tables", "-d", "target=label", "-d", "drop=score"],
        "20",
        "tables/test.csv",
        "accuracy",
        0.9,
    ),
    "tablemlp-regression": (
        "table-file-regression",
        ["-d", "root=tables", "-d", "target=score", "-d", "drop=label"],
        "30",
        "tables/test.csv",
        "r2",
        0.9,
    ),
    "textcnn": (
        "text-file",
        ["-d", "root=texts", "-d", "text=review", "-d", "target=kind", "-d", "length=12"],
        "4",
        "texts/test.csv",
        "accuracy",
        0.9,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("model", TRAININGS)
def test_data_of_ones_own_go_all_the_way(model: str, data: Path, run_zoo: RunZoo) -> None:
    dataset, options, epochs, asked, metric, least = TRAININGS[model]
    trained = run_zoo("train", model, "--dataset", dataset, *options, "--epochs", epochs, "--run", "a", "--json")
    assert trained.json["test"][metric] >= least
    assert run_zoo("export", "run:a", "--to", "out").code == 0
    measured = run_zoo("eval", "out", "--dataset", dataset, *options[:2], "--json")
    assert measured.json["metrics"][metric] == pytest.approx(trained.json["test"][metric], abs=1e-3)
    rows = run_zoo("predict", "out", asked, "--json").json
    assert len(rows) == (1 if model == "melnet" else 100)
    assert not any("error" in row for row in rows)
    assert run_zoo("verify", "out").code == 0
    again = run_zoo("train", model, "--dataset", dataset, "--run", "a", "--resume", "--epochs", str(int(epochs) + 1))
    assert again.code == 0, again.stderr
    record = json.loads((data / "runs" / "a" / "run.json").read_text())
    assert all(str(data) not in json.dumps(recipe) for recipe in record["recipes"].values())


def test_a_typo_in_the_columns_that_are_left_out_is_told_of_that_option(data: Path, run_zoo: RunZoo) -> None:
    options = TRAININGS["tablemlp"][1][:-1]
    refused = run_zoo("train", "tablemlp", "--dataset", "table-file", *options, "drop=scor")
    assert refused.code == 1
    assert "Did you mean 'score'? -d drop=COLUMN" in refused.stderr


AGES = "height,weight,age\n" + "".join(f"{150 + n % 40},{50 + n % 31},{18 + n % 61}\n" for n in range(120))


def train_table(run: RunZoo, dataset: str, *options: str) -> Any:
    model = {"table-file": "tablemlp", "text-file": "textcnn"}.get(dataset, "tablemlp-regression")
    given = [word for option in options for word in ("-d", option)]
    return run("train", model, "--dataset", dataset, *given, "--epochs", "1", "--run", "a")


def test_amounts_that_are_taken_as_classes_are_told_before_the_first_step(tmp_path: Path, zoo_here: RunZoo) -> None:
    (tmp_path / "ages.csv").write_text(AGES)
    (tmp_path / "grades.csv").write_text("\n".join(["size,grade", *(f"{n % 7},{1 + n % 5}" for n in range(60))]))
    told = train_table(zoo_here, "table-file", "root=ages.csv", "target=age").stderr.partition("epoch 1/1")[0]
    assert "The column 'age' holds 61 different numbers, and each counts as a class of its own" in told
    assert "--dataset table-file-regression" in told
    assert "61 of 61 classes have at most 2 training samples" in told
    shutil.rmtree("runs")
    grades = train_table(zoo_here, "table-file", "root=grades.csv", "target=grade")
    assert grades.code == 0, grades.stderr
    assert "a class of its own" not in grades.stderr
    assert "at most 2 training samples" not in grades.stderr


def test_texts_are_no_amounts(data: Path, zoo_here: RunZoo) -> None:
    refused = train_table(zoo_here, "table-file-regression", "root=tables", "target=city")
    assert refused.code == 1
    assert "the column 'city' has no numbers, but texts such as " in refused.stderr
    assert "--dataset table-file takes them as classes" in refused.stderr
    assert "fill it in" not in refused.stderr


@pytest.mark.parametrize(
    ("dataset", "root", "hint"),
    [
        ("table-file", "ages.csv", "say which one is to be told, such as -d target=age"),
        ("table-file-regression", "ages.csv", "say which one is to be told, such as -d target=age"),
        ("text-file", "texts", "say which ones hold texts and classes: -d text=COLUMN -d target=COLUMN"),
    ],
)
def test_a_column_that_nobody_has_typed_is_told_as_the_usual_one(
    dataset: str, root: str, hint: str, data: Path, zoo_here: RunZoo
) -> None:
    (data / "ages.csv").write_text(AGES)
    refused = train_table(zoo_here, dataset, f"root={data / root}")
    assert refused.code == 1
    assert re.search("by default: it has '(height', 'weight', 'age|review', 'kind)'", refused.stderr)
    assert f"Hint: {hint}" in refused.stderr
    assert "Did you mean" not in refused.stderr
