"""Schedules of the learning rate, as curves."""

from __future__ import annotations

import pytest

from zoo_core import EpochRow
from zoo_core.training import Plateau, Schedule


def schedule(**options: object) -> list[float]:
    made = Schedule(**{"peak": 1.0, "epochs": 10, "steps_per_epoch": 10, **options})  # type: ignore[arg-type]
    return [made(step) for step in range(100)]


def test_constant_and_step_schedules() -> None:
    assert schedule(kind="constant") == [1.0] * 100
    assert schedule(kind="step", step_size=4, gamma=0.5) == [1.0] * 40 + [0.5] * 40 + [0.25] * 20


def test_cosine_falls_from_the_peak_to_almost_nothing() -> None:
    rates = schedule(kind="cosine")
    assert rates[0] == 1.0
    assert rates[50] == pytest.approx(0.5)
    assert rates == sorted(rates, reverse=True)
    assert 0 < rates[-1] < 0.001


def test_one_cycle_rises_to_the_peak_and_falls() -> None:
    rates = schedule(kind="one-cycle")
    assert rates[0] == pytest.approx(1 / 25)
    assert rates.index(max(rates)) == 30
    assert max(rates) == 1.0
    assert 0 < rates[-1] < 0.001
    assert schedule(kind="one-cycle", warmup=2).index(1.0) == 20


def test_warm_up_rises_in_a_line_to_the_peak() -> None:
    rates = schedule(kind="constant", warmup=1)
    assert rates[:10] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    assert set(rates[10:]) == {1.0}


def test_a_plateau_lowers_the_rate_when_nothing_gets_better() -> None:
    plateau = Plateau(gamma=0.5, wait=2, selection="accuracy")
    measured = (0.5, 0.6, 0.6, 0.55, 0.5, 0.58, 0.7, 0.7)
    rows = [
        EpochRow(epoch=number, train={}, validation={"accuracy": value}, learning_rate=0.1, seconds=1.0)
        for number, value in enumerate(measured, start=1)
    ]
    factors = [plateau(rows[:count]) for count in range(len(rows) + 1)]
    assert factors == [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.25]
    assert Plateau(gamma=0.5, wait=2, selection="accuracy", start=4)(rows[:5]) == 1.0, "an extension waits anew"
