"""Trainers of third parties: the core's loop in them, and what becomes of a run when one of them fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Zoo = Callable[..., Any]

SMALL = ("train", "mlp", "--dataset", "digits", "-o", "hidden=16", "-d", "train_size=200", "--epochs", "2")

TRAINER = """
    from dataclasses import dataclass

    from zoo_core import EpochRow, TrainerSpec, TrainResult, hookimpl

    @dataclass(frozen=True, kw_only=True)
    class Config:
        rate: float = 0.1

    def fit(job, *, on_epoch):
        {body}

    @hookimpl
    def zoo_trainers():
        yield TrainerSpec(name="other", fit=fit, summary="made for a test", config=Config)
"""


def test_a_trainer_of_a_plugin_uses_the_same_loop(
    run_zoo: Zoo, fake_distribution: Callable[..., Path], tmp_path: Path
) -> None:
    body = """
        import torch

        from zoo_core.training import Feed, Loop, loss_for

        optimizer = torch.optim.SGD(job.module.parameters(), lr=job.config.rate)
        feed = Feed(job.train, batch_size=32, device=job.device)
        rate = job.config.rate
        loop = Loop(job, optimizer=optimizer, loss=loss_for(job.task.name), learning_rate=lambda step: rate, feed=feed)
        return loop.fit(on_epoch=on_epoch)
    """
    fake_distribution("other-trainer", TRAINER.format(body=body.strip()))
    result = run_zoo(*SMALL, "--trainer", "other", "-t", "rate=0.05", "--json")
    assert result.code == 0, result.stderr
    record = json.loads((tmp_path / "runs" / "mlp-digits" / "run.json").read_text())
    assert record["config"] == {"rate": 0.05}
    assert record["trainer_plugin"] == "other-trainer:other-trainer"
    without = run_zoo(*SMALL[:-2], "--trainer", "other")
    assert without.code == 2
    assert "has no number of epochs of its own" in without.stderr


def test_a_trainer_that_saves_nothing_or_fails_is_a_clear_error(
    run_zoo: Zoo, fake_distribution: Callable[..., Path], tmp_path: Path
) -> None:
    fake_distribution("other-trainer", TRAINER.format(body="raise ValueError('no idea')"))
    result = run_zoo(*SMALL, "--trainer", "other")
    assert result.code == 1
    assert "Error: training mlp failed: no idea" in result.stderr
    assert list((tmp_path / "runs").iterdir()) == []
    lazy = "return TrainResult(epochs=1, best_epoch=1, seconds=0.0, validation={'loss': 0.0, 'accuracy': 1.0})"
    fake_distribution("other-trainer", TRAINER.format(body=lazy), version="1.1")
    result = run_zoo(*SMALL, "--trainer", "other")
    assert result.code == 1
    assert "weights.safetensors is missing" in result.stderr
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("ValueError('out of memory')", "training mlp failed: out of memory"),
        ("KeyError('momentum')", "training mlp failed: KeyError: 'momentum'"),
        ("KeyError()", "training mlp failed: KeyError\n"),
    ],
)
def test_what_was_trained_before_a_trainer_failed_is_kept(
    run_zoo: Zoo, fake_distribution: Callable[..., Path], tmp_path: Path, fault: str, told: str
) -> None:
    body = f"""
        row = EpochRow(
            epoch=1,
            train={{"loss": 1.0, "accuracy": 0.5}},
            validation={{"loss": 1.0, "accuracy": 0.5}},
            learning_rate=0.1,
            seconds=1.0,
        )
        job.run.save_best(job.module.state_dict(), row=row)
        job.run.write_rows((row,))
        on_epoch(row)
        raise {fault}
    """
    fake_distribution("other-trainer", TRAINER.format(body=body.strip()))
    result = run_zoo(*SMALL, "--trainer", "other")
    assert (result.code, told in result.stderr) == (1, True), result.stderr
    assert "Hint: trainer other of other-trainer:other-trainer, at other_trainer/__init__.py:" in result.stderr
    assert "; plugin other-trainer:other-trainer must fix it; ZOO_DEBUG=1 shows all of it" in result.stderr
    kept = tmp_path / "runs" / "mlp-digits"
    assert (kept / "weights.safetensors").exists()
    assert json.loads((kept / "run.json").read_text())["best_epoch"] == 1


def test_a_check_of_a_trainer_that_fails_is_no_fault_of_the_zoo(
    run_zoo: Zoo, fake_distribution: Callable[..., Path], tmp_path: Path
) -> None:
    code = TRAINER.format(body="pass").replace("config=Config)", "config=Config, check=lambda job: {}[1])")
    fake_distribution("other-trainer", code)
    result = run_zoo(*SMALL, "--trainer", "other")
    assert (result.code, "training mlp failed: KeyError: 1" in result.stderr) == (1, True), result.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("raise SystemExit(0)", "training mlp failed: SystemExit: 0"),
        ("on_epoch({'epoch': 1})", "training mlp failed: on_epoch is told an EpochRow, not a dict"),
        (
            "on_epoch(EpochRow(epoch=1, train={}, validation={'acc': 1.0}, learning_rate=0.1, seconds=1.0))",
            "training mlp failed: the row of epoch 1 has no 'accuracy' of the validation part, which picks the best",
        ),
    ],
)
def test_a_trainer_that_leaves_or_tells_something_else_is_told_with_its_line(
    body: str, told: str, run_zoo: Zoo, fake_distribution: Callable[..., Path], tmp_path: Path
) -> None:
    fake_distribution("other-trainer", TRAINER.format(body=body))
    result = run_zoo(*SMALL, "--trainer", "other")
    assert (result.code, told in result.stderr) == (1, True), result.stderr
    assert "trainer other of other-trainer:other-trainer, at other_trainer/__init__.py:11; plugin" in result.stderr
    assert "Stopped" not in result.stderr
    assert list((tmp_path / "runs").iterdir()) == []


def test_options_of_a_trainer_that_have_no_value_are_asked_for(
    run_zoo: Zoo, fake_distribution: Callable[..., Path]
) -> None:
    fake_distribution("other-trainer", TRAINER.replace("rate: float = 0.1", "rate: float").format(body="pass"))
    refused = run_zoo(*SMALL, "--trainer", "other")
    assert refused.code == 2
    assert refused.stderr == "Error: trainer other needs rate\nHint: -t rate=...\n"


def test_a_trainer_that_refuses_its_own_defaults_is_told_at_once(
    run_zoo: Zoo, fake_distribution: Callable[..., Path]
) -> None:
    refusing = "rate: float = 0.1\n\n        def __post_init__(self):\n            raise ValueError('below 0')\n"
    fake_distribution("other-trainer", TRAINER.replace("rate: float = 0.1\n", refusing).format(body="pass"))
    [row] = [row for row in run_zoo("plugins", "--json").json if row["distribution"] == "other-trainer"]
    assert "trainer other: Config refuses its own defaults: ValueError: below 0" in row["problem"]
