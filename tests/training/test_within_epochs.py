"""Checkpoints within epochs: whatever a training does, it goes on after any step as if nobody had stopped it."""

from __future__ import annotations

import dataclasses
import json
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from small_jobs import fit, make_job

from zoo_core.training import RunDirectory, TrainJob

CONFIGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "sgd": {"optimizer": "sgd", "nesterov": True, "schedule": "constant"},
    "muon": {"optimizer": "muon", "clip": 0.5},
    "mixed": {"mixup": 0.4, "cutmix": 1.0, "augment": "flip"},
    "balanced": {"sampling": "balanced", "class_weights": "balanced"},
    "averaged": {"ema": 0.9, "accumulate": 2},
    "plateau": {"schedule": "plateau", "step_size": 1, "warmup": 1, "decay": "matrices"},
    "groups": {"accumulate": 3, "layer_decay": 0.7, "label_smoothing": 0.1},
}


def stopped_at(job: TrainJob, epoch: int, step: int) -> None:
    """Train until Ctrl-C comes, right after a step of an epoch."""
    epochs = [*(() if job.state is None else job.state.rows)]

    def on_batch(done: int, steps: int) -> None:
        if (len(epochs) + 1, done) == (epoch, step):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fit(dataclasses.replace(job, on_batch=on_batch), on_epoch=epochs.append)


def rows(directory: RunDirectory) -> list[dict[str, Any]]:
    timed = {"seconds", "samples_per_second"}
    lines = (directory.path / "metrics.jsonl").read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if key not in timed} for line in lines]


@pytest.mark.parametrize("name", CONFIGS)
def test_a_training_that_goes_on_within_an_epoch_ends_with_the_same_bits(tmp_path: Path, name: str) -> None:
    config = {"batch_size": 8, **CONFIGS[name]}
    straight, stopped = RunDirectory(tmp_path / "straight"), RunDirectory(tmp_path / "stopped")
    fit(make_job(straight, epochs=3, **config))
    found = []
    for epoch, step in ((1, 1), (1, 4), (3, 7)):
        job = make_job(stopped, epochs=3, **config)
        stopped_at(dataclasses.replace(job, state=stopped.read_state()), epoch, step)
        state = stopped.read_state()
        assert state is not None
        assert state.part is not None
        found.append((state.epoch + 1, state.part.batches))
    whole = int(config.get("accumulate", 1))
    assert found == [(epoch, min(7, -(-step // whole) * whole)) for epoch, step in ((1, 1), (1, 4), (3, 7))]
    fit(dataclasses.replace(make_job(stopped, epochs=3, **config), state=stopped.read_state()))
    assert rows(stopped) == rows(straight)
    names = ("weights.safetensors",)
    assert all((straight.path / each).read_bytes() == (stopped.path / each).read_bytes() for each in names)
    one, other = straight.read_state(), stopped.read_state()
    assert one is not None
    assert other is not None
    assert all(torch.equal(value, other.module[each]) for each, value in one.module.items())
    assert all(torch.equal(value, other.average[each]) for each, value in one.average.items())
    assert other.part is None
