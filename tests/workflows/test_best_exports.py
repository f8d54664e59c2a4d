"""`-t export_best=true`: a verified file of each new best, made beside the training, which it does not disturb."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stopped_runs import rows_without_time, weights
from warm import Result

from zoo_core import ZooError, load_run, open_zoo
from zoo_core.workflows.trainings.train import train

SMALL: dict[str, Any] = {"model": "mlp", "dataset": "digits", "data": {"train_size": 64}, "epochs": 2}
WITH = {"export_best": True}
LONG = ("train", "mlp", "--dataset", "digits", "--run", "run", "-d", "train_size=600", "-t", "batch_size=4")


def scored(folder: Path, run: str = "run") -> dict[int, dict[str, float]]:
    """What files of the epochs of a run score, as its rows say."""
    lines = map(json.loads, (folder / "runs" / run / "metrics.jsonl").read_text().splitlines())
    return {line["epoch"]: line["exported"] for line in lines if "exported" in line}


def without_files(folder: Path, run: str) -> list[dict[str, Any]]:
    return [{name: each for name, each in row.items() if name != "exported"} for row in rows_without_time(folder, run)]


def test_the_best_epoch_is_a_verified_file_and_the_training_is_the_same(
    here: Path, run_zoo: Callable[..., Result]
) -> None:
    train(open_zoo(), **SMALL, run="usual")
    words = ("train", "mlp", "--dataset", "digits", "-d", "train_size=64", "--epochs", "2", "--run", "run")
    done = run_zoo(*words, "-t", "export_best=true", "--json")
    assert done.code == 0, done.stderr
    assert weights(here, "usual") == weights(here, "run")
    assert without_files(here, "usual") == without_files(here, "run")
    told, best = json.loads(done.stdout), load_run("run").info
    assert told["export"]["outcome"] == "verified"
    assert told["export"]["folder"] == "exported/run"
    assert scored(here) == {best.best_epoch: told["export"]["validation"]}
    assert told["export"]["validation"]["accuracy"] == pytest.approx(best.validation["accuracy"])
    assert "| Export | exported/run, of epoch" in (here / "runs/run/README.md").read_text()
    assert best.best_export is not None
    metadata = run_zoo("info", "export:run", "--json")
    assert json.loads(metadata.stdout)["metrics"]["test accuracy"] == pytest.approx(told["test"]["accuracy"])


def test_a_place_that_no_export_can_have_is_told_before_the_first_step(here: Path) -> None:
    (here / "exported/run").mkdir(parents=True)
    (here / "exported/run/mine.txt").write_text("mine")
    with pytest.raises(ZooError, match="is not an earlier export, so it is not replaced"):
        train(open_zoo(), **SMALL, run="run", config=WITH)
    assert not (here / "runs/run").exists()


def test_a_file_that_cannot_be_made_is_told_and_harms_nothing(here: Path, run_zoo: Callable[..., Result]) -> None:
    (here / "exported").write_text("no folder")
    words = ("train", "mlp", "--dataset", "digits", "-d", "train_size=64", "--epochs", "2", "--run", "run")
    done = run_zoo(*words, "-t", "export_best=true")
    assert done.code == 3
    info = load_run("run").info
    assert info.status == "finished"
    assert info.best_export is not None
    assert info.best_export.outcome == "failed"
    why = f"cannot write {here}/exported/run"
    assert f"Error: the best epoch, {info.best_epoch}, has no verified file: {why}" in done.stderr
    assert "Hint: the run itself is finished; zoo export run tries once more" in done.stderr
    assert f"  export      no file of epoch {info.best_epoch}: {why}" in done.stdout
    assert (
        f"| Export | none of epoch {info.best_epoch} in exported/run: cannot"
        in (here / "runs/run/README.md").read_text()
    )
    assert not scored(here)


@pytest.mark.slow
@pytest.mark.timeout(600)  # trainings of half a minute, and exports beside them
def test_files_come_while_it_trains_and_it_may_be_killed_while_one_is_written(here: Path) -> None:
    command = [sys.executable, "-P", "-m", "zoo_core", *LONG, "--epochs", "60", "-t", "export_best=true"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as training:
        while not (here / "exported/.run.tmp").exists():
            assert training.poll() is None
            time.sleep(0.01)
        training.kill()
    time.sleep(1)  # what it had begun ends with it
    assert not os.path.lexists(here / "exported/run")
    resumed = subprocess.run([*command[:4], *LONG[:6], "--resume"], capture_output=True, encoding="utf-8", check=False)
    assert resumed.returncode == 0, resumed.stderr
    assert "  file of epoch " in resumed.stderr
    found = scored(here)
    rows = {row.epoch: row for row in load_run("run").rows}
    assert len(found) > 1
    assert all(found[epoch]["loss"] == pytest.approx(rows[epoch].validation["loss"], rel=1e-4) for epoch in found)
    assert "exported/run, verified; file of epoch" in resumed.stdout
    train(open_zoo(), **{**SMALL, "data": {"train_size": 600}, "epochs": 60}, run="usual", config={"batch_size": 4})
    assert weights(here, "usual") == weights(here, "run")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_stopped_training_ends_what_it_exports(here: Path) -> None:
    command = [sys.executable, "-P", "-m", "zoo_core", *LONG, "--epochs", "60", "-t", "export_best=true"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8") as training:
        while not (here / "exported/.run.tmp").exists():
            assert training.poll() is None
            time.sleep(0.01)
        training.send_signal(signal.SIGINT)
        _, told = training.communicate(timeout=60)
    assert training.returncode == 130
    assert "To continue: zoo train mlp --dataset digits --run run --resume" in told
    assert [path.name for path in (here / "exported").iterdir() if path.is_dir()] == []
