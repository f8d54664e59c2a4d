"""Pictures that are smaller in the first epochs: cheaper ones, for models that take any size."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from small_jobs import fit, make_job, make_samples
from torch import Tensor, nn

from zoo_core import ZooError


class Seen(nn.Module):
    """Remembers the height of the pictures of each training batch."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(1, 3)
        self.heights: list[int] = []

    def forward(self, image: Tensor) -> Tensor:
        if self.training:
            self.heights.append(image.shape[2])
        logits: Tensor = self.last(image.mean((2, 3)))
        return logits


def test_pictures_grow_in_two_steps_and_are_whole_when_they_are_measured() -> None:
    module = Seen()
    job = dataclasses.replace(make_job(epochs=6, small_first=0.7), module=module)
    samples = dataclasses.replace(job.train, inputs={"image": job.train.main.repeat(4, axis=2).repeat(4, axis=3)})
    fit(dataclasses.replace(job, train=samples))
    steps = len(module.heights) // 6
    heights = [set(module.heights[steps * epoch : steps * (epoch + 1)]) for epoch in range(6)]
    assert heights == [{10}, {10}, {12}, {12}, {16}, {16}]


def test_what_is_no_picture_cannot_be_made_smaller() -> None:
    job = make_job(small_first=0.5)
    flat = dataclasses.replace(make_samples(50, preprocess=None), inputs={"values": torch.zeros(50, 16).numpy()})
    with pytest.raises(ZooError, match="only pictures can be made smaller"):
        fit(dataclasses.replace(job, train=flat))
