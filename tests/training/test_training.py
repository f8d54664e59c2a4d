"""Training from Python: the feed, schedules, losses, the loop, and the supervised trainer."""

from __future__ import annotations

import dataclasses
import math
import operator
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from small_jobs import GREY, TASK, Stop, fit, make_job, make_module, make_samples, stop_after
from torch import nn

from zoo_core import EpochRow, ZooError, open_zoo
from zoo_core.data import Samples
from zoo_core.errors import UsageError
from zoo_core.tasks import Task, get_task
from zoo_core.training import (
    Feed,
    Loop,
    RunDirectory,
    Schedule,
    best_row,
    derive_seed,
    evaluate,
    load_strictly,
    loss_for,
    pick_device,
    seed_everything,
)
from zoo_core.training.evaluation import Collector, evaluation_batch
from zoo_core.training.trial import try_module

# --- the feed


def test_an_epoch_feeds_each_sample_once_in_an_order_of_seed_and_epoch_alone() -> None:
    feed = Feed(make_samples(50, preprocess=None), batch_size=16)

    def order(seed: int, epoch: int) -> list[float]:
        return [float(value) for inputs, _ in feed.shuffled(seed=seed, epoch=epoch) for value in inputs[:, 0, 0, 0]]

    first = order(0, 1)
    assert len(first) == 50
    assert order(0, 1) == first == order(0, 1)
    assert sorted(order(0, 2)) == sorted(first)
    assert order(0, 2) != first
    assert order(1, 1) != first


def test_targets_stay_with_their_inputs() -> None:
    samples = make_samples(50, preprocess=None)
    for inputs, targets in Feed(samples, batch_size=16).shuffled(seed=0, epoch=1):
        assert (inputs.amax(dim=(1, 2, 3)) * 255 // 80).long().tolist() == targets.tolist()


@pytest.mark.parametrize(("count", "sizes"), [(48, [16, 16, 16]), (49, [16, 16, 17]), (50, [16, 16, 16, 2]), (1, [1])])
def test_a_single_last_sample_joins_the_batch_before_it(count: int, sizes: list[int]) -> None:
    feed = Feed(make_samples(count), batch_size=16)
    assert [len(targets) for _, targets in feed.shuffled(seed=0, epoch=1)] == sizes
    assert feed.steps == len(sizes)
    assert sum(len(targets) for _, targets in feed.in_order()) == count


def test_normalising_up_front_or_batch_by_batch_gives_the_same_bits_as_the_samples_own_batches() -> None:
    samples = make_samples(2500)
    wanted = samples.batch(slice(0, 2500))
    for ready_bytes in (0, 1 << 30):
        feed = Feed(samples, batch_size=700, ready_bytes=ready_bytes)
        found = torch.cat([inputs for inputs, _ in feed.in_order()]).numpy()
        assert found.dtype == np.float32
        assert np.array_equal(found, wanted)


def test_read_only_arrays_are_fed_without_a_warning() -> None:
    samples = make_samples(preprocess=None)
    samples.inputs.flags.writeable = False
    samples.targets.flags.writeable = False
    assert sum(len(targets) for _, targets in Feed(samples, batch_size=16).in_order()) == 50


# --- schedules


def schedule(**options: object) -> list[float]:
    made = Schedule(**{"peak": 1.0, "epochs": 10, "steps_per_epoch": 10, **options})  # type: ignore[arg-type]
    return [made(step) for step in range(100)]


def test_constant_and_step_schedules() -> None:
    assert schedule(kind="constant") == [1.0] * 100
    assert schedule(kind="step", step_size=4, gamma=0.5) == [1.0] * 40 + [0.5] * 40 + [0.25] * 20


def test_cosine_falls_from_the_peak_to_almost_nothing() -> None:
    rates = schedule(kind="cosine")
    assert rates[0] == 1.0
    assert rates[50] == pytest.approx(0.5)
    assert rates == sorted(rates, reverse=True)
    assert 0 < rates[-1] < 0.001


def test_one_cycle_rises_to_the_peak_and_falls() -> None:
    rates = schedule(kind="one-cycle")
    assert rates[0] == pytest.approx(1 / 25)
    assert rates.index(max(rates)) == 30
    assert max(rates) == 1.0
    assert 0 < rates[-1] < 0.001
    assert schedule(kind="one-cycle", warmup=2).index(1.0) == 20


def test_warm_up_rises_in_a_line_to_the_peak() -> None:
    rates = schedule(kind="constant", warmup=1)
    assert rates[:10] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    assert set(rates[10:]) == {1.0}


# --- measuring


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
    with pytest.raises(ZooError, match="declares the outputs logits, mask and returned 1: Tensor"):
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
    return Samples(inputs=inputs, targets=targets, classes=("dark", "light"), preprocess=GREY, fingerprint="")


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
        return evaluation_batch(dataclasses.replace(samples, inputs=np.empty((1, *shape), np.uint8)))

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


# --- the loop and the supervised trainer


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
    with pytest.raises(ZooError, match=r"training diverged in epoch 2: the loss is (nan|inf) at step 4") as caught:
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


# --- devices and seeds


def test_unknown_and_absent_devices() -> None:
    assert pick_device("cpu").type == "cpu"
    with pytest.raises(UsageError, match="unknown device 'gpu'"):
        pick_device("gpu")
    if not torch.cuda.is_available():
        with pytest.raises(ZooError, match="device 'cuda' cannot be used here"):
            pick_device("cuda")


def test_seeds_are_derived_the_same_everywhere() -> None:
    assert derive_seed(0, 1, "order") == 672664154840940473
    assert derive_seed(0, 1, "order") != derive_seed(0, 1, "steps") != derive_seed(1, 1, "steps")
    assert 0 <= derive_seed(2**62, 10**6, "steps") < 2**63


def test_one_seed_sets_all_three_generators() -> None:
    def draw() -> tuple[float, float]:
        seed_everything(5)
        return float(torch.rand(1)), float(np.random.rand())

    assert draw() == draw()
