"""Sounds, tables and texts of one's own: trained, exported, evaluated and predicted by the recipe of the training."""

from __future__ import annotations

import json
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
