"""`zoo train --find-lr`: the first steps at many rates, a picture, and the command that comes next."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from zoo_core.workflows.trainings.rates import RateTrial, suggested

SMALL = ("train", "mlp", "--dataset", "digits", "-o", "hidden=16", "-d", "train_size=200", "-d", "val_size=40")

Zoo = Callable[..., Any]


def test_rates_are_tried_and_drawn_and_no_run_is_left(zoo_here: Zoo, here: Path) -> None:
    done = zoo_here(*SMALL, "-t", "batch_size=20", "--find-lr", "rates.png", "--json")
    assert done.code == 0, done.stderr
    report = json.loads(done.stdout)
    rates = [trial["rate"] for trial in report["trials"]]
    assert rates == sorted(rates)
    assert len(rates) == 11
    assert rates[0] < report["suggested"] < rates[-1]
    losses = {trial["rate"]: trial["loss"] for trial in report["trials"]}
    assert losses[report["suggested"]] < losses[rates[0]]
    with Image.open(here / "rates.png") as picture:
        assert picture.size[0] > 400
    assert not (here / "runs").exists()


def test_people_get_a_table_and_the_command_with_the_rate(run_zoo: Zoo) -> None:
    done = run_zoo(*SMALL, "-t", "lr=0.5", "-t", "batch_size=100", "--find-lr", "rates.png")
    assert done.code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert sum(line.startswith("  lr ") for line in lines) == 11
    assert lines[-1].startswith(f"Next: zoo {' '.join(SMALL)} -t batch_size=100 -t lr=")
    assert "lr=0.5" not in lines[-1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--find-lr", "rates.jpg"), "a picture is written as PNG, and rates.jpg is called otherwise"),
        (("--find-lr", "rates.png", "--dry-run"), "--find-lr trains nothing, and --dry-run says how"),
    ],
)
def test_what_cannot_be_is_told_first(zoo_here: Zoo, words: Any, told: str) -> None:
    done = zoo_here(*SMALL, *words)
    assert done.code == 2
    assert told in done.stderr


def test_the_lowest_rate_that_is_nearly_as_good_as_the_best_is_suggested() -> None:
    def trials(*losses: float | None) -> list[RateTrial]:
        return [RateTrial(rate=10.0**number, loss=loss) for number, loss in enumerate(losses)]

    assert suggested(trials(2.0, 1.5, 0.15, 0.1, 7.0, None)) == 100.0
    assert suggested(trials(2.0, 2.0, 3.0)) is None
    assert suggested(trials(None, None)) is None
