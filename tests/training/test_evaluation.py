"""Metrics of a module on a split: each sample counts once, and what does not fit is said first."""

from __future__ import annotations

import dataclasses
import math
import operator
import re

import numpy as np
import pytest
import torch
from small_jobs import GREY, TASK, fit, make_job, make_module, make_samples
from torch import nn

from zoo_core import EpochRow, ZooError
from zoo_core.data import Samples
from zoo_core.tasks import Task, get_task
from zoo_core.training import (
    best_row,
    evaluate,
)
from zoo_core.training.evaluation import Collector, evaluation_batch
from zoo_core.training.trial import try_module


def test_evaluation_counts_each_sample_once_whatever_the_batch_size() -> None:
    samples, module = make_samples(50), make_module().eval()
    with torch.no_grad():
        logits = module(torch.from_numpy(samples.batch(slice(0, 50))))
    accuracy = float((logits.argmax(1).numpy() == samples.targets).mean())
    found = [evaluate(module, samples, task=TASK, outputs=("logits",), batch_size=size) for size in (1, 7, 49, 256)]
    for metrics in found:
        assert metrics["accuracy"] == accuracy
        assert metrics["loss"] == pytest.approx(
            float(nn.functional.cross_entropy(logits.double(), torch.from_numpy(samples.targets))), rel=1e-6
        )


def test_the_best_epoch_has_the_best_metric_then_the_lower_loss_then_comes_first() -> None:
    def row(epoch: int, accuracy: float, loss: float) -> EpochRow:
        validation = {"accuracy": accuracy, "loss": loss}
        return EpochRow(epoch=epoch, train={}, validation=validation, learning_rate=0.1, seconds=1.0)

    rows = [row(1, 0.8, 0.1), row(2, 0.9, 0.5), row(3, 0.9, 0.4), row(4, 0.9, 0.4)]
    assert best_row(rows, selection="accuracy").epoch == 3


def test_a_module_that_returns_other_outputs_than_declared_is_an_error() -> None:
    with pytest.raises(ZooError, match="declares the outputs logits, mask but returned 1: Tensor"):
        evaluate(make_module(), make_samples(), task=TASK, outputs=("logits", "mask"))


def test_outputs_in_a_mapping_are_told_apart_by_their_names() -> None:
    samples = make_samples(49)

    class Named(nn.Module):
        def __init__(self, **names: str) -> None:
            super().__init__()
            self.net, self.names = make_module(), names

        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            logits = self.net(x)
            return {"aux": -logits, self.names.get("main", "logits"): logits}

    plain = evaluate(make_module(), samples, task=TASK, outputs=("logits",))
    assert evaluate(Named(), samples, task=TASK, outputs=("logits", "aux")) == plain
    assert evaluate(Named(), samples, task=TASK, outputs=("logits",)) == plain
    with pytest.raises(ZooError, match="the model gives no output logits, only aux, main"):
        evaluate(Named(main="main"), samples, task=TASK, outputs=("logits",))
    read = operator.itemgetter("main")
    assert evaluate(Named(main="main"), samples, task=TASK, outputs=("logits",), read=read) == plain

    straight = fit(make_job())
    job = dataclasses.replace(make_job(), module=Named(main="main"), read_outputs=read)
    assert fit(job).validation == straight.validation


def test_outputs_that_are_not_finite_are_an_error() -> None:
    module = make_module()
    with torch.no_grad():
        module[1].weight.fill_(float("inf"))
    with pytest.raises(ZooError, match="diverged in evaluation: output 'logits' is not finite"):
        evaluate(module, make_samples(), task=TASK, outputs=("logits",))


def make_masks(count: int = 12, *, side: int = 4, seed: int = 0) -> Samples:
    """Pictures of 4x4 whose bright places are of class 1; the first row is not counted."""
    inputs = np.random.default_rng(seed).integers(0, 256, (count, 1, side, side)).astype(np.uint8)
    targets = (inputs[:, 0] > 127).astype(np.uint8)
    targets[:, 0] = 255
    return Samples(
        inputs={"image": inputs},
        targets=targets,
        form="masks",
        classes=("dark", "light"),
        recipes={"image": GREY},
        fingerprint="",
    )


MASKS = get_task("semantic-segmentation")


def test_masks_are_measured_in_batches_and_their_logits_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    module, samples = nn.Conv2d(1, 1, 1), make_masks()
    whole = evaluate(module, samples, task=MASKS, outputs=("logits",))
    assert list(whole) == ["loss", "iou_mean", "dice", "pixel_accuracy"]
    monkeypatch.setattr("zoo_core.training.evaluation.KEPT_VALUES", 1)
    for size in (1, 5):
        found = evaluate(module, samples, task=MASKS, outputs=("logits",), batch_size=size)
        assert found == pytest.approx(whole, rel=1e-6)
    seen = Collector(MASKS)
    seen.add({"logits": torch.zeros(2, 1, 4, 4)}, torch.zeros(2, 4, 4, dtype=torch.uint8))
    assert seen._outputs == {}
    seen.add({"logits": torch.full((2, 1, 4, 4), math.nan)}, torch.zeros(2, 4, 4, dtype=torch.uint8))
    seen.add({"logits": torch.zeros(2, 1, 4, 4)}, torch.zeros(2, 4, 4, dtype=torch.uint8))
    with pytest.raises(ZooError, match="diverged in epoch 3: output 'logits' is not finite"):
        seen.metrics(where="epoch 3")


def test_a_segmentation_learns_and_the_best_epoch_is_that_of_the_best_iou() -> None:
    job = make_job(epochs=15, lr=0.1)
    torch.manual_seed(0)
    job = dataclasses.replace(
        job, module=nn.Conv2d(1, 1, 1), train=make_masks(40), validation=make_masks(20, seed=1), task=MASKS
    )
    rows: list[EpochRow] = []
    result = fit(job, on_epoch=rows.append)
    assert result.validation["iou_mean"] == max(row.validation["iou_mean"] for row in rows) > 0.9


def test_big_samples_are_measured_in_small_batches() -> None:
    def batch(*shape: int) -> int:
        samples = make_samples(1)
        return evaluation_batch(dataclasses.replace(samples, inputs={"image": np.empty((1, *shape), np.uint8)}))

    assert [batch(1, 28, 28), batch(3, 32, 32), batch(3, 128, 128), batch(3, 4000, 4000)] == [256, 256, 42, 1]


@pytest.mark.parametrize(
    ("module", "task", "samples", "words"),
    [
        (nn.Conv2d(1, 2, 3), MASKS, make_masks(), "returned shape (2, 2, 2, 2) for 2 masks of 4 x 4 places and 2 cl"),
        (nn.Sequential(nn.Flatten(), nn.Linear(16, 2)), MASKS, make_masks(), "returned shape (2, 2) for 2 masks of"),
        (
            nn.Sequential(nn.Flatten(), nn.Linear(16, 1), nn.Flatten(0)),
            get_task("binary-classification"),
            make_samples(classes=3),
            "returned shape (2,) for 2 samples of 3 classes",
        ),
        (nn.Sequential(nn.Flatten(), nn.Linear(16, 1)), TASK, make_samples(classes=2), "returned shape (2, 1) for 2"),
    ],
)
def test_outputs_that_do_not_fit_the_targets_are_told_first(
    module: nn.Module, task: Task, samples: Samples, words: str
) -> None:
    with pytest.raises(ZooError, match=re.escape(words)):
        try_module(module, samples, task=task, outputs=("logits",), model="net", device="cpu")


def test_one_logit_fits_two_classes() -> None:
    binary = get_task("binary-classification")
    for layers in ([nn.Flatten(), nn.Linear(16, 1)], [nn.Flatten(), nn.Linear(16, 1), nn.Flatten(0)]):
        samples = make_samples(classes=2)
        try_module(nn.Sequential(*layers), samples, task=binary, outputs=("logits",), model="net", device="cpu")
    try_module(nn.Conv2d(1, 1, 1), make_masks(), task=MASKS, outputs=("logits",), model="net", device="cpu")
