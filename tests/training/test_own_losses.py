"""A model that computes its losses itself, takes one picture at a time when it is measured, and finds any number."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from small_jobs import fit, make_job
from torch import Tensor, nn

from zoo_core import EpochRow, ModelSpec, TensorSpec, UsageError, ZooError, open_zoo
from zoo_core.data import Samples, bind_dataset
from zoo_core.tasks import get_task
from zoo_core.training import TrainJob
from zoo_core.training.evaluation import evaluate, outputs_and_targets
from zoo_core.training.one_at_a_time import reader_of


class OneBox(nn.Module):
    """The same boxes for every picture: as many as the picture is bright, or none; what is learnt is where they are."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(4))

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        count = int(image.mean() > 0) + 1
        ones = torch.ones(count)
        return {"boxes": self.place.expand(count, 4), "scores": ones, "labels": ones.long()}


def losses(module: OneBox, image: Tensor, targets: Tensor) -> Mapping[str, Tensor]:
    wanted = targets[..., :4][targets[..., 4] >= 0]
    return {
        "low": (module.place[:2] - wanted[:, :2]).abs().mean(),
        "high": (module.place[2:] - wanted[:, 2:]).abs().mean(),
    }


SPEC = ModelSpec(
    name="one-box",
    build=OneBox,
    task="detection",
    summary="one box",
    inputs={"image": TensorSpec(1, 1, 128, 128)},
    outputs={"boxes": TensorSpec("K", 4), "scores": TensorSpec("K"), "labels": TensorSpec("K", dtype="int64")},
    losses=losses,
)


def scenes() -> Samples:
    return bind_dataset(open_zoo().dataset("digit-scenes"), {"count": "24"}).load("train")


def job(**changes: Any) -> TrainJob:
    fields = {
        "module": OneBox(),
        "train": scenes(),
        "validation": scenes().first(5),
        "task": get_task("detection"),
        "outputs": tuple(SPEC.outputs),
        "read_outputs": reader_of(SPEC),
        "losses": losses,
    }
    return dataclasses.replace(make_job(epochs=3, lr=1.0, schedule="constant"), **{**fields, **changes})


def test_the_sum_of_its_losses_is_minimised() -> None:
    rows: list[EpochRow] = []
    fit(job(), on_epoch=rows.append)
    assert [set(row.train) for row in rows] == [{"loss"}] * 3
    assert rows[2].train["loss"] < rows[0].train["loss"]
    assert set(rows[2].validation) == {"map", "map50", "recall"}


def test_what_it_finds_in_each_picture_is_joined() -> None:
    samples = scenes()
    assert len({int(picture.mean() > 0) for picture in samples.batch(slice(None))}) == 2  # some find one, some two
    module, read = OneBox(), reader_of(SPEC)
    with torch.no_grad():
        module.place.copy_(torch.tensor([0.0, 0, 1, 1]))
    outputs, targets = outputs_and_targets(module, samples, outputs=tuple(SPEC.outputs), read=read)
    assert outputs["boxes"].shape == (24, 2, 4)
    assert set(outputs["scores"].sum(axis=1)) == {1.0, 2.0}
    task = get_task("detection")
    assert task.metrics(outputs, targets) == evaluate(
        module, samples, task=task, outputs=tuple(SPEC.outputs), read=read
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda *_: torch.zeros(()), "the model's own losses are Tensor, not scalars by name"),
        (lambda *_: {"low": torch.zeros(2)}, r"the model's own loss 'low' is of shape \(2,\), not a single number"),
    ],
)
def test_losses_that_are_none(given: Any, message: str) -> None:
    with pytest.raises(ZooError, match=message):
        fit(job(losses=given))


def test_its_losses_cannot_be_chosen() -> None:
    check = open_zoo().trainer("supervised").spec.check
    assert check is not None
    check(job())
    config = dataclasses.replace(job().config, loss="bce")
    with pytest.raises(UsageError, match="this model computes its losses itself"):
        check(job(config=config))
