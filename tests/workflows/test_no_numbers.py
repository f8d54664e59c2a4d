"""Metrics that are NaN or infinite: which one, of which part and after which epoch is told, what is good is kept, and
nothing of it is a success."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import write_distribution
from height_plugin import HEIGHT, RULER, TRAIN, changed

from zoo_core import EpochRow
from zoo_core.training import best_row

Zoo = Callable[..., Any]

COUNTED = changed(
    HEIGHT,
    ("task.py", "class Largest:\n", "class Largest:\n        measured = 0\n\n"),
    ("task.py", "errors = np.concat", "Largest.measured += 1\n            errors = np.concat"),
    ("task.py", "float(errors.max())", "float(errors.max() if Largest.measured <= 3 else 'nan')"),
)
"""A few samples are measured, then both parts of the first epoch; from the second epoch on there is no number."""
ODD = changed(
    HEIGHT,
    ("task.py", '"largest": float(errors.max())', '"largest": float(errors.max()), "odd": float("nan")'),
    ("__init__.py", '"largest": "less"}', '"largest": "less", "odd": "more"}'),
)
"""A metric that picks nothing is never a number."""


def _install(site: Path, files: dict[str, str]) -> None:
    write_distribution(site, "zoo-height", files=files)
    write_distribution(site, "zoo-ruler", RULER)


def test_a_run_whose_best_epoch_cannot_be_picked_any_more_stops_and_keeps_the_best_before(
    run_zoo: Zoo, site: Path, tmp_path: Path
) -> None:
    _install(site, COUNTED)
    stopped = run_zoo(*TRAIN[:-4], "--epochs", "4")
    assert stopped.code == 1, stopped.stdout + stopped.stderr
    assert "largest is nan on the validation part after epoch 2, and the best epoch is picked by it" in stopped.stderr
    assert "runs/heights keeps the weights of epoch 1, the best before that: zoo export heights" in stopped.stderr
    rows = (tmp_path / "runs" / "heights" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row)["epoch"] for row in rows] == [1]
    assert [row["best_epoch"] for row in run_zoo("list", "runs", "--json").json] == [1]


def test_a_run_that_never_had_a_number_leaves_nothing(run_zoo: Zoo, site: Path, tmp_path: Path) -> None:
    _install(site, changed(HEIGHT, ("task.py", "float(errors.max())", "float('inf')")))
    stopped = run_zoo(*TRAIN)
    assert stopped.code == 1, stopped.stdout + stopped.stderr
    assert "largest is inf on the validation part after epoch 1" in stopped.stderr
    assert "no epoch was good before that, so no run is left" in stopped.stderr
    assert not (tmp_path / "runs" / "heights").exists()


def test_a_metric_that_picks_nothing_is_told_at_the_end_and_is_no_success(
    run_zoo: Zoo, site: Path, tmp_path: Path
) -> None:
    _install(site, ODD)
    done = run_zoo(*TRAIN, "--json")
    assert done.code == 1, done.stderr
    assert (done.json["test"]["odd"], done.json["epochs"]) == (None, 2)
    told = "run 'heights' could not be measured in full: odd is nan on the validation part; odd is nan on the test part"
    assert told in done.stderr
    assert "the run is finished, and its weights are kept in runs/heights" in done.stderr
    assert "| odd | nan | nan |" in (tmp_path / "runs" / "heights" / "README.md").read_text()
    exported = run_zoo("export", "heights")
    assert exported.code == 0, exported.stdout + exported.stderr
    for source in ("run:heights", "export:heights"):
        measured = run_zoo("eval", source, "--json")
        assert (measured.code, measured.json["metrics"]["odd"]) == (1, None)
        assert f"{source} could not be measured in full: odd is nan on the test part" in measured.stderr
    shown = run_zoo("eval", "heights")
    assert "  odd         nan\n" in shown.stdout
    assert [row["status"] for row in run_zoo("list", "runs", "--json").json] == ["finished"]


def test_metrics_of_other_names_than_the_spec_has_are_told_by_what_measures_them(
    run_zoo: Zoo, site: Path, tmp_path: Path
) -> None:
    _install(site, HEIGHT)
    trained = run_zoo(*TRAIN)
    assert trained.code == 0, trained.stderr
    _install(site, changed(HEIGHT, ("task.py", '{"loss": ', '{"error": 0.0, "loss": ')))
    for command in (("eval", "heights"), (*TRAIN[:-4], "--run", "again")):
        told = run_zoo(*command)
        assert told.code == 1, told.stdout + told.stderr
        words = "task height of plugin zoo-height:zoo-height, in metrics: it measures 'error', which its spec does not"
        assert words in told.stderr
        assert ", by zoo_height/task.py:" in told.stderr
        assert "plugin zoo-height:zoo-height must fix it" in told.stderr
    assert not (tmp_path / "runs" / "again").exists()


def test_a_list_of_runs_tells_of_a_best_epoch_without_a_number(run_zoo: Zoo, tmp_path: Path) -> None:
    run = {"model": "m", "dataset": "d", "validation": {"largest": None}, "selection": "-largest", "epochs": 1}
    tmp_path.joinpath("runs", "old").mkdir(parents=True)
    tmp_path.joinpath("runs", "old", "run.json").write_text(json.dumps(run))
    assert "largest nan" in run_zoo("list", "runs").stdout


@pytest.mark.parametrize("selection", ["-largest", "largest"])
def test_an_epoch_without_a_number_is_never_the_best(selection: str) -> None:
    nan = float("nan")
    rows = [
        EpochRow(epoch=number, train={}, validation={"largest": value}, learning_rate=0.1, seconds=0.0)
        for number, value in enumerate((nan, 2.0, nan), start=1)
    ]
    assert best_row(rows, selection=selection).epoch == 2
