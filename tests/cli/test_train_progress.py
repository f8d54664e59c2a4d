"""What a log file and a terminal see of a training within an epoch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from terminals import shown, terminal, text_only

from zoo_core.cli.progress import TrainProgress
from zoo_core.records import EpochRow, RunInfo, lasting


@dataclass
class Clock:
    """Seconds that pass when the test says so."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def info(epochs: int) -> RunInfo:
    return RunInfo(
        name="run",
        model="net",
        model_plugin="a:b",
        options={},
        dataset="data",
        dataset_plugin="a:b",
        dataset_options={},
        dataset_fingerprint="",
        classes=(),
        trainer="supervised",
        trainer_plugin="a:b",
        config={},
        epochs=epochs,
        seed=0,
        device="cpu",
    )


def row(number: int, seconds: float) -> EpochRow:
    metrics = {"loss": 1.0}
    return EpochRow(epoch=number, train=metrics, validation=metrics, learning_rate=0.1, seconds=seconds)


def test_an_accelerator_that_was_chosen_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with TrainProgress() as progress:
        progress.on_start(dataclasses.replace(info(1), device="cuda"), 0)
    assert capsys.readouterr().err == "Run run: net on data, 1 epoch, seed 0, on cuda\n"


def test_several_processes_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    with TrainProgress() as progress:
        progress.on_start(dataclasses.replace(info(1), processes=2), 0)
    assert capsys.readouterr().err == "Run run: net on data, 1 epoch, seed 0, in 2 processes\n"


def in_steps(progress: TrainProgress, clock: Clock, *, steps: int, seconds: float) -> None:
    for step in range(1, steps + 1):
        clock.now += seconds
        progress.on_batch(step, steps)


def test_a_log_file_gets_a_line_every_thirty_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with TrainProgress(clock=clock) as progress:
        progress.on_start(info(3), 0)
        in_steps(progress, clock, steps=10, seconds=8.0)
        clock.now += 20  # the validation
        progress.on_epoch(row(1, 100.0))
        in_steps(progress, clock, steps=10, seconds=2.0)
        progress.on_epoch(row(2, 20.0))
        in_steps(progress, clock, steps=2, seconds=31.0)
    lines = [line for line in capsys.readouterr().err.splitlines() if "step " in line]
    assert lines == [
        "epoch 1/3: step 4 of 10, 0.125 steps/s, 48 s left, 3 min 28 s in all",
        "epoch 1/3: step 8 of 10, 0.125 steps/s, 16 s left, 2 min 56 s in all",
        "epoch 3/3: step 1 of 2, 0.0323 steps/s, 31 s left",
        "epoch 3/3: step 2 of 2, 0.0323 steps/s, 0 s left",
    ]


def test_the_first_step_says_nothing_of_how_fast_the_others_are(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with TrainProgress(clock=clock) as progress:
        progress.on_start(info(2), 0)
        for step, seconds in ((1, 60), (41, 40)):
            clock.now += seconds
            progress.on_batch(step, 200)
    lines = [line for line in capsys.readouterr().err.splitlines() if "step " in line]
    assert lines[0] == "epoch 1/2: step 1 of 200"
    assert lines[1].startswith("epoch 1/2: step 41 of 200, 1 steps/s, 2 min 39 s left")


def test_the_bar_has_steps_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    with terminal(monkeypatch) as ours:
        with TrainProgress(clock=clock) as progress:
            progress.on_start(info(2), 0)
            in_steps(progress, clock, steps=2, seconds=1.0)
            clock.now += 2
            progress.on_epoch(row(1, 4.0))
            clock.now += 50
            progress.on_batch(25, 100)
        text = text_only(shown(ours))
    assert "epoch 2/2" in text
    assert "25/100 0.5 steps/s, 2 min 30 s left" in text


@pytest.mark.parametrize(
    ("step", "saved", "words"),
    [
        (3, 3, "so no weights are saved yet: the first epoch goes on after step 3 of 7."),
        (6, 4, "so no weights are saved yet: the first epoch, which was at step 6 of 7, goes on after step 4."),
    ],
)
def test_what_is_kept_of_an_epoch_that_is_stopped(step: int, saved: int, words: str) -> None:
    with TrainProgress() as progress:
        progress.on_start(info(4), 0)
        progress.on_batch(step, 7)
        progress.saved = saved
        assert words in progress.kept


def test_steps_of_before_say_nothing_of_how_fast_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with TrainProgress(clock=clock) as progress:
        progress.on_start(info(4), 2)
        progress.on_within(90, 100)
        clock.now += 40
        progress.on_batch(94, 100)
    lines = capsys.readouterr().err.splitlines()
    assert lines[1] == "Epoch 3 goes on after step 90 of 100"
    assert lines[2].startswith("epoch 3/4: step 94 of 100, 0.1 steps/s, 1 min left")


@pytest.mark.parametrize(
    ("play", "words"),
    [
        (lambda progress: None, "No epoch was finished, so no weights are saved yet: the first epoch begins again."),
        (
            lambda progress: progress.on_batch(3, 7),
            "are saved yet: the first epoch, which was at step 3 of 7, begins again.",
        ),
        (
            lambda progress: (progress.on_epoch(row(1, 1.0)), progress.on_batch(2, 7)),
            "1 epoch of 4 is kept; epoch 2, which was at step 2 of 7, begins again.",
        ),
        (
            lambda progress: [progress.on_epoch(row(number, 1.0)) for number in (1, 2, 3)],
            "3 epochs of 4 are kept; epoch 4 begins again.",
        ),
        (
            lambda progress: [progress.on_epoch(row(number, 1.0)) for number in (1, 2, 3, 4)],
            "4 epochs of 4 are kept; what is left is to measure them.",
        ),
    ],
)
def test_what_is_lost_when_it_is_stopped(play: Callable[[TrainProgress], object], words: str) -> None:
    with TrainProgress() as progress:
        progress.on_start(info(4), 0)
        play(progress)
        assert words in progress.kept


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min"), (200, "3 min 20 s"), (3900, "1 h 5 min"), (180_000, "2 d 2 h")],
)
def test_times_in_words(seconds: float, text: str) -> None:
    assert lasting(seconds) == text
