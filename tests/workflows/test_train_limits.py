"""A training with a few samples alone, and one with a time in place of a number of epochs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stopped_runs import weights

from zoo_core import load_run

SMALL = ("train", "mlp", "--dataset", "digits", "-o", "hidden=16", "-d", "val_size=40")

Zoo = Callable[..., Any]


def test_a_model_that_can_learn_learns_a_few_samples_by_heart(zoo_here: Zoo, here: Path) -> None:
    done = zoo_here(*SMALL, "--overfit", "20", "--epochs", "40", "--run", "few", "--json")
    assert done.code == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["validation"]["accuracy"] == 1.0
    assert report["test"] is None
    assert "Trained and measured on the same 20 samples" in done.stderr + str(report["remarks"])
    run = load_run("few")
    assert run.info.overfit == 20
    assert "--overfit 20" in (here / "runs" / "few" / "README.md").read_text()
    again = zoo_here("train", "--like", "few", "--run", "again")
    assert again.code == 0, again.stderr
    assert weights(here, "again") == weights(here, "few")
    longer = zoo_here("train", "--resume", "--run", "few", "--epochs", "41")
    assert longer.code == 0, longer.stderr
    assert load_run("few").info.test is None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--overfit", "20", "-d", "train_size=30"), "--overfit says how many samples there are"),
        (("--overfit", "0"), "Invalid value for '--overfit'"),
        (("--time-budget", "10"), "'10' is no time; such are 90s, 10m, 1h30m, 2d"),
        (("--time-budget", "0s"), "'0s' is no time"),
        (("--time-budget", "3s", "--epochs", "2"), "a time says how many epochs there are"),
        (("--time-budget", "3s", "-t", "epochs=2"), "a time says how many epochs there are"),
        (("--time-budget", "3s", "--resume"), "a time says how many epochs there are"),
    ],
)
def test_what_contradicts_itself_is_refused_before_anything_is_read(zoo_here: Zoo, words: Any, told: str) -> None:
    done = zoo_here(*SMALL, *words)
    assert done.code == 2
    assert told in done.stderr


def test_a_time_becomes_a_number_of_epochs_that_is_repeated_to_the_bit(zoo_here: Zoo, here: Path) -> None:
    done = zoo_here(*SMALL, "-d", "train_size=100", "-t", "batch_size=10", "--time-budget", "1.5s", "--run", "timed")
    assert done.code == 0, done.stderr
    info = load_run("timed").info
    assert f"{info.epochs} epoch" in done.stderr
    assert "one takes about" in done.stderr
    assert info.config["epochs"] == info.epochs == info.legs[0].epochs == len(load_run("timed").rows)
    assert load_run("timed").rows[-1].learning_rate < 0.1 * info.config["lr"] or info.epochs == 1, "the schedule ended"
    again = zoo_here("train", "--like", "timed", "--run", "again")
    assert again.code == 0, again.stderr
    assert weights(here, "again") == weights(here, "timed")
    assert sorted(each.name for each in (here / "runs").iterdir()) == ["again", "timed"]


@pytest.mark.parametrize(
    ("option", "epochs", "words"),
    [
        ("stop_at=0.05", 1, "Ended after 1 of 3 epochs: accuracy is 0."),
        ("stop_at=97", 3, "and stop_at=97 was not reached."),
        ("patience=1", 2, "Ended after 2 of 3 epochs: 1 epoch without a better result (patience)."),
    ],
)
def test_why_a_training_was_over_is_told(zoo_here: Zoo, here: Path, option: str, epochs: int, words: str) -> None:
    slow = ("-t", "lr=1e-12") if option.startswith("patience") else ()
    done = zoo_here(*SMALL, "-t", option, *slow, "--epochs", "3", "--run", "few")
    assert (done.code, words in done.stdout) == (0, True), done.stdout + done.stderr
    assert len(load_run("few").rows) == epochs
    assert words in (here / "runs" / "few" / "README.md").read_text()


def test_more_samples_than_there_are(zoo_here: Zoo) -> None:
    done = zoo_here(*SMALL, "--overfit", "100000", "--epochs", "1")
    assert (done.code, "a smaller train_size, which zoo train --overfit sets, too" in done.stderr) == (1, True), (
        done.stderr
    )
