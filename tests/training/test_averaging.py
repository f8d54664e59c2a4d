"""A moving average of weights: what it is, that it is what is measured and kept, and what a checkpoint holds of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_jobs import TASK, fit, make_job
from torch import nn

from zoo_core.training import RunDirectory, evaluate
from zoo_core.training.averaging import Average


def test_the_average_follows_the_weights_as_its_formula_says() -> None:
    module = nn.Linear(1, 1, bias=False)
    values, expected = [1.0, 3.0, 5.0], None
    average = None
    for step, value in enumerate(values):
        with torch.no_grad():
            module.weight.fill_(value)
        if average is None:
            average, expected = Average(module, decay=0.2), value
        else:
            kept = min(0.2, (1 + step) / (10 + step))
            expected = kept * expected + (1 - kept) * value
            average.follow(step)
            assert average.copy()["weight"].item() == pytest.approx(expected)
    assert average is not None
    with average.in_place():
        assert module.weight.item() == pytest.approx(expected)
    assert module.weight.item() == 5.0


def test_whole_numbers_are_taken_as_they_are() -> None:
    module = nn.BatchNorm1d(2)
    average = Average(module, decay=0.9)
    module(torch.ones(3, 2))
    average.follow(1)
    assert average.copy()["num_batches_tracked"].item() == 1


def test_the_average_is_what_is_measured_and_kept_and_training_goes_on_without_it(tmp_path: Path) -> None:
    directory, plain = RunDirectory(tmp_path / "run"), RunDirectory(tmp_path / "plain")
    job = make_job(directory, ema=0.99)
    result = fit(job)
    fit(make_job(plain))
    state, without = directory.read_state(), plain.read_state()
    assert state is not None
    assert without is not None
    assert all(torch.equal(value, without.module[name]) for name, value in state.module.items())
    assert any(not torch.equal(value, state.module[name]) for name, value in state.average.items())
    kept = load_file(directory.path / "weights.safetensors")
    if result.best_epoch == 4:
        assert all(torch.equal(value, state.average[name]) for name, value in kept.items())
    job.module.load_state_dict(kept)
    measured = evaluate(job.module, job.validation, task=TASK, outputs=("logits",))
    assert measured == pytest.approx(result.validation)
    assert not without.average
