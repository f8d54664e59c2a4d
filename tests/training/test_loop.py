"""The loop and the supervised trainer: they learn, resume to the bit, and stop with a clear word."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_jobs import TASK, Stop, fit, make_job, make_module, stop_after
from torch import nn

from zoo_core import EpochRow, ZooError, open_zoo
from zoo_core.errors import UsageError
from zoo_core.training import (
    Feed,
    Loop,
    RunDirectory,
    evaluate,
    load_strictly,
    loss_for,
)
from zoo_core.training.trial import try_module


def test_training_learns_and_says_so_in_its_rows() -> None:
    job, rows = make_job(epochs=30), []
    result = fit(job, on_epoch=rows.append)
    assert [row.epoch for row in rows] == list(range(1, 31))
    assert set(rows[0].train) >= {"loss", "accuracy"} <= set(rows[0].validation)
    assert rows[-1].validation["loss"] < rows[0].validation["loss"]
    assert result.validation["accuracy"] >= 0.9
    assert result.validation == rows[result.best_epoch - 1].validation
    assert result.epochs == 30
    assert not result.stopped_early
    # the module is left with its best weights
    assert evaluate(job.module, job.validation, task=TASK, outputs=("logits",)) == pytest.approx(result.validation)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "adadelta", "muon"])
def test_every_optimizer_resumes_to_the_same_bits(tmp_path: Path, optimizer: str) -> None:
    straight = RunDirectory(tmp_path / "straight")
    fit(make_job(straight, optimizer=optimizer))
    stopped = RunDirectory(tmp_path / "stopped")
    with pytest.raises(Stop):
        fit(make_job(stopped, optimizer=optimizer), on_epoch=stop_after(2))
    again = dataclasses.replace(make_job(stopped, optimizer=optimizer), state=stopped.read_state())
    rows: list[EpochRow] = []
    fit(again, on_epoch=rows.append)
    assert [row.epoch for row in rows] == [3, 4]
    for name in ("weights.safetensors",):
        assert (straight.path / name).read_bytes() == (stopped.path / name).read_bytes()
    states = [directory.read_state() for directory in (straight, stopped)]
    assert states[0] is not None
    assert states[1] is not None
    for name, tensor in states[0].module.items():
        assert torch.equal(tensor, states[1].module[name]), name
    for number, values in states[0].optimizer.items():
        for name, value in values.items():
            assert torch.equal(torch.as_tensor(value), torch.as_tensor(states[1].optimizer[number][name])), name


class Scaled(nn.Module):
    """Keeps what it has seen of the targets among its weights."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = make_module()
        self.register_buffer("seen", torch.zeros(2))

    def see_targets(self, targets: torch.Tensor) -> None:
        self.seen += torch.stack([torch.tensor(len(targets)), targets.sum()])

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.layers(image)


def test_a_module_sees_all_training_targets_once_before_the_first_step(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "run")
    job = dataclasses.replace(make_job(directory), module=Scaled())
    with pytest.raises(Stop):
        fit(job, on_epoch=stop_after(2))
    again = dataclasses.replace(make_job(directory), module=Scaled(), state=directory.read_state())
    fit(again)
    expected = [len(job.train.targets), int(job.train.targets.sum())]
    assert load_file(directory.path / "weights.safetensors")["seen"].tolist() == expected


def test_the_best_weights_of_an_earlier_epoch_survive_in_the_checkpoint(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "run")
    job = make_job(directory, epochs=3)
    feed = Feed(job.train, batch_size=16)
    loop = Loop(
        job,
        optimizer=torch.optim.SGD(job.module.parameters(), lr=0.1),
        loss=loss_for(TASK.name),
        learning_rate=lambda step: 0.05 if step < feed.steps else 50.0,  # the later epochs do harm
        feed=feed,
    )
    result = loop.fit(on_epoch=lambda row: None)
    assert result.best_epoch == 1
    state = directory.read_state()
    assert state is not None
    saved = load_file(directory.path / "weights.safetensors")
    for name, tensor in job.module.state_dict().items():
        assert torch.equal(tensor, saved[name])
        assert torch.equal(tensor, state.best[name])
    assert not torch.equal(state.best["1.weight"], state.module["1.weight"])


def test_no_epochs_and_no_parameters_are_clear_errors() -> None:
    job = make_job()
    with pytest.raises(ZooError, match="no epoch was trained"):
        fit(dataclasses.replace(job, epochs=0))
    with pytest.raises(ZooError, match="model 'filter' has no parameters to train"):
        try_module(nn.Flatten(), job.train, task=TASK, outputs=("logits",), model="filter", device="cpu")


def test_patience_stops_early_and_counts_on_after_resuming(tmp_path: Path) -> None:
    # A rate this small changes nothing: the first epoch stays the best.
    job = make_job(RunDirectory(tmp_path / "run"), epochs=10, lr=1e-12, schedule="constant", patience=3)
    with pytest.raises(Stop):
        fit(job, on_epoch=stop_after(2))
    rows: list[EpochRow] = []
    state = RunDirectory(tmp_path / "run").read_state()
    assert state is not None
    result = fit(dataclasses.replace(job, state=state), on_epoch=rows.append)
    best = result.best_epoch
    assert result.epochs == best + 3
    assert result.stopped_early


def test_a_result_that_is_good_enough_stops_it_also_where_it_was_stopped_before(tmp_path: Path) -> None:
    straight: list[EpochRow] = []
    fit(make_job(epochs=6), on_epoch=straight.append)
    best = max(row.validation["accuracy"] for row in straight)
    first = next(row.epoch for row in straight if row.validation["accuracy"] == best)
    directory = RunDirectory(tmp_path / "run")
    with pytest.raises(Stop):
        fit(make_job(directory, epochs=6, stop_at=best), on_epoch=stop_after(1))
    again = dataclasses.replace(make_job(directory, epochs=6, stop_at=best), state=directory.read_state())
    result = fit(again)
    assert first > 1
    assert (result.epochs, result.best_epoch, result.stopped_early) == (first, first, first < 6)


def test_label_smoothing_changes_the_loss_that_is_minimised() -> None:
    outputs, targets = {"logits": torch.tensor([[4.0, 0.0, 0.0]])}, torch.tensor([0])
    plain, smooth = (loss_for(TASK.name, label_smoothing=value)(outputs, targets) for value in (0.0, 0.1))
    assert float(smooth) > float(plain)


def test_a_loss_that_is_not_finite_stops_with_a_clear_error_and_keeps_the_last_good_checkpoint(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "run")
    job = make_job(directory, epochs=4)
    feed = Feed(job.train, batch_size=16)
    loop = Loop(
        job,
        optimizer=torch.optim.SGD(job.module.parameters(), lr=0.1),
        loss=loss_for(TASK.name),
        learning_rate=lambda step: 0.01 if step < feed.steps else 1e36,
        feed=feed,
    )
    with pytest.raises(ZooError, match=r"training diverged in epoch 2: the loss is (nan|inf) at step 2; ") as caught:
        loop.fit(on_epoch=lambda row: None)
    assert "-t lr=" in str(caught.value.hint)
    state = directory.read_state()
    assert state is not None
    assert state.epoch == 1
    assert all(torch.isfinite(tensor).all() for tensor in state.module.values())


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"lr": 0.0}, "lr must be above 0, not 0.0"),
        ({"lr": -1.0}, "lr must be above 0, not -1.0"),
        ({"epochs": 0}, "epochs must be 1 or more, not 0"),
        ({"batch_size": 0}, "batch_size must be 1 or more, not 0"),
        ({"patience": 0}, "patience must be 1 or more, not 0"),
        ({"nesterov": True, "momentum": 0.0}, "nesterov needs a momentum above 0"),
        ({"momentum": 1.0}, "momentum must be from 0 to below 1, not 1.0"),
        ({"label_smoothing": 1.0}, "label_smoothing must be from 0 to below 1, not 1.0"),
        ({"weight_decay": -0.1}, "weight_decay must be 0 or more, not -0.1"),
        ({"step_size": 0}, "step_size must be 1 or more, not 0"),
        ({"gamma": 0.0}, "gamma must be above 0, not 0.0"),
        ({"clip": 0.0}, "clip must be above 0, not 0.0"),
        ({"shard": True, "optimizer": "muon"}, "muon needs whole matrices, and with shard=true there are parts"),
        ({"accumulate": 0}, "accumulate must be 1 or more, not 0"),
        ({"layer_decay": 1.5}, "layer_decay must be above 0 and at most 1, not 1.5"),
        ({"ema": 1.0}, "ema must be above 0 and below 1, not 1.0"),
        ({"decay": "matrices", "optimizer": "sgd"}, "decay=matrices needs a weight_decay above 0"),
        ({"epochs": 3, "warmup": 3}, "trainer supervised: warmup takes 3 of 3 epochs"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(option: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        open_zoo().trainer("supervised").spec.config(**option)


def test_the_usual_rate_depends_on_the_optimizer() -> None:
    config = open_zoo().trainer("supervised").spec.config
    assert config(optimizer="adadelta").lr == 1.0
    assert config(optimizer="sgd").lr == 0.01
    assert config(optimizer="sgd").weight_decay == 0.0
    assert config(optimizer="sgd", lr=0.5).lr == 0.5


def test_weights_that_do_not_fit_are_named(tmp_path: Path) -> None:
    module = make_module()
    tensors = dict(module.state_dict())
    tensors["extra.weight"] = tensors.pop("1.weight")
    tensors["5.bias"] = torch.zeros(4)
    with pytest.raises(ZooError) as caught:
        load_strictly(module, tensors, source="w.safetensors")
    assert caught.value.message == (
        "the weights in w.safetensors do not fit the model: missing: 1.weight; unexpected: extra.weight;"
        " of another shape: 5.bias is (4,), the model needs (3,)"
    )
