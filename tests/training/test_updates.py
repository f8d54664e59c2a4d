"""From batches to steps: gradients that are put together, shortened and measured."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from small_jobs import fit, make_job
from torch import nn

from zoo_core import EpochRow
from zoo_core.training.updates import Updates


def plain_module() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 3))


def weights_after(**config: object) -> torch.Tensor:
    job = make_job(epochs=2, optimizer="sgd", schedule="constant", **config)
    job = dataclasses.replace(job, module=plain_module())
    fit(job)
    weight: torch.Tensor = job.module[1].weight
    return weight.detach()


def test_batches_that_share_a_step_are_one_large_batch() -> None:
    together = weights_after(batch_size=8, accumulate=2)
    assert torch.allclose(together, weights_after(batch_size=16), atol=1e-6)
    assert not torch.allclose(together, weights_after(batch_size=8), atol=1e-6)


def test_an_epoch_ends_with_a_step_and_a_batch_counts_by_its_samples() -> None:
    parameter = nn.Parameter(torch.zeros(1))
    updates = Updates(torch.optim.SGD([parameter], lr=1.0), accumulate=2)
    updates.begin([3, 1, 2])
    steps = []
    for slope in (4.0, 8.0, 6.0):
        updates.before_batch()
        updates.backward((parameter * slope).sum())
        updates.after_batch()
        steps.append(updates.stepped)
    assert steps == [False, True, True]
    assert parameter.tolist() == [-(4.0 * 3 / 4 + 8.0 * 1 / 4) - 6.0]
    assert updates.norms() == (5.5, 6.0)
    assert (updates.done, updates.in_epoch) == (2, 2)


def test_a_longer_gradient_is_shortened_and_the_row_tells_its_whole_length() -> None:
    parameter = nn.Parameter(torch.zeros(2))
    updates = Updates(torch.optim.SGD([parameter], lr=1.0), clip=1.0)
    updates.begin([1])
    updates.before_batch()
    updates.backward((parameter * torch.tensor([3.0, 4.0])).sum())
    updates.after_batch()
    assert parameter.detach().norm().item() == pytest.approx(1.0, abs=1e-6)
    assert updates.norms() == (5.0, 5.0)


def test_rows_tell_the_gradients_and_how_fast_it_was() -> None:
    rows: list[EpochRow] = []
    fit(make_job(epochs=2), on_epoch=rows.append)
    for row in rows:
        assert row.gradient_norm is not None
        assert row.largest_gradient_norm is not None
        assert 0 < row.gradient_norm <= row.largest_gradient_norm < math.inf
        assert row.samples_per_second is not None
        assert row.samples_per_second > 0
        assert row.to_json()["gradient_norm"] == row.gradient_norm
    old = EpochRow(epoch=1, train={}, validation={}, learning_rate=0.1, seconds=1.0)
    assert set(old.to_json()) == {"epoch", "train", "validation", "learning_rate", "seconds"}
