"""A training that gives no numbers any more says at which step, with which samples and in which layer."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from small_jobs import fit, make_job, make_samples
from torch import nn

from zoo_core import ZooError
from zoo_core.training import TrainJob, derive_seed


class Root(nn.Module):
    """The square root of what it is given, less a number: nothing that is a number for small values."""

    def __init__(self, less: float) -> None:
        super().__init__()
        self.less = less

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        return (value - self.less).sqrt()


def failing(job: TrainJob) -> ZooError:
    with pytest.raises(ZooError) as caught:
        fit(job)
    return caught.value


def with_module(*layers: nn.Module, **config: object) -> TrainJob:
    torch.manual_seed(0)
    return dataclasses.replace(make_job(**config), module=nn.Sequential(*layers))


def test_the_first_layer_that_gives_no_numbers_is_named() -> None:
    error = failing(with_module(nn.Flatten(), nn.Linear(16, 12), nn.ReLU(), Root(1e6), nn.Linear(12, 3)))
    assert error.message == (
        "training diverged in epoch 1: the loss is nan at step 1; the first layer that gives no numbers is '3', a Root"
    )


def test_the_samples_of_the_batch_are_named() -> None:
    job = with_module(nn.Flatten(), nn.Linear(16, 12), Root(1e6), nn.Linear(12, 3))
    generator = torch.Generator().manual_seed(derive_seed(job.seed, 1, "order"))
    first = torch.randperm(50, generator=generator)[:16].tolist()
    shown = ", ".join(map(str, first[:8]))
    assert f"its batch: samples {shown} and 8 more of the training part, counted from 0; " in str(failing(job).hint)


def test_one_bad_sample_is_told_from_a_bad_model() -> None:
    samples = make_samples(50, preprocess=None)
    image = samples.inputs["image"].copy()
    image[7] = float("nan")
    job = make_job(batch_size=1, epochs=1, augment="none")
    module = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    error = failing(
        dataclasses.replace(job, module=module, train=dataclasses.replace(samples, inputs={"image": image}))
    )
    assert error.message.endswith("; the inputs of its batch are no numbers")
    assert "its batch: samples 7 of the training part" in str(error.hint)


def test_a_gradient_that_is_no_number_stops_before_it_moves_anything() -> None:
    job = with_module(nn.Flatten(), nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, 3), Root(0.0))
    with torch.no_grad():
        job.module[3].weight.zero_()
        job.module[3].bias.zero_()  # the root of 0 is 0, and its slope is infinite
    before = {name: value.clone() for name, value in job.module.state_dict().items()}
    error = failing(job)
    assert error.message == "training diverged in epoch 1: the gradient is nan at step 1, in '1.weight' first"
    assert all(torch.equal(value, job.module.state_dict()[name]) for name, value in before.items())


def test_weights_that_are_spoilt_are_named() -> None:
    job = with_module(nn.Flatten(), nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, 3))
    with torch.no_grad():
        job.module[3].bias[1] = float("inf")
    error = failing(job)
    assert error.message.endswith("at step 1; the weights are no numbers any more, '3.bias' the first of them")
