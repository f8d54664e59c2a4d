"""The plan of a training: in which numbers, in which layout and by which code it computes, and what that changes."""

from __future__ import annotations

import dataclasses
import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_jobs import Stop, fit, make_job, stop_after
from torch import Tensor, nn
from warm import Result

from zoo_core import UsageError, ZooError, open_zoo
from zoo_core.training import Feed, Loop, RunDirectory, TrainingPlan, TrainJob, Wishes, check_wishes, loss_for
from zoo_core.training.capabilities import native_half
from zoo_core.training.planning import Limits, Tried, is_worth, plan_for, tried

EVER = {"precision": "fp32", "channels_last": "true", "compile": "false"}
HARD = {"accumulate": 2, "clip": 1.0, "ema": 0.9}
"""What a gradient of half precision has to get along with."""


def trained(job: TrainJob) -> dict[str, Tensor]:
    fit(job)
    return job.module.state_dict()


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.items())


def loop_of(job: TrainJob) -> Loop:
    return Loop(
        job,
        optimizer=torch.optim.SGD(job.module.parameters(), lr=0.1),
        loss=loss_for("image-classification"),
        learning_rate=lambda step: 0.1,
        feed=Feed(job.train, batch_size=16),
    )


def test_a_short_training_computes_as_ever_and_says_so() -> None:
    told: list[TrainingPlan] = []
    usual = trained(dataclasses.replace(make_job(epochs=2), on_plan=told.append))
    assert equal(usual, trained(make_job(epochs=2, **EVER)))
    assert told[0].options == EVER
    line = told[0].line
    assert line.startswith(f"Plan: cpu, float32, {torch.get_num_threads()} thread")
    assert ", feed memory; " in line
    assert "compile: not worth it for 2 epochs of 4 steps" in line


def test_a_run_that_goes_on_does_not_think_again() -> None:
    job = dataclasses.replace(make_job(epochs=10**9), state=object())  # type: ignore[arg-type] not looked into
    plan = plan_for(loop_of(job), Wishes())
    assert plan.options == EVER
    assert not plan.why


def test_what_is_tried_leaves_everything_as_it_was() -> None:
    job = make_job(epochs=1)
    loop = loop_of(job)
    before = {name: value.clone() for name, value in job.module.state_dict().items()}
    torch.manual_seed(5), np.random.seed(5), random.seed(5)
    expected = torch.rand(3), np.random.rand(), random.random()
    torch.manual_seed(5), np.random.seed(5), random.seed(5)
    for plan in (TrainingPlan(), TrainingPlan(precision="bf16"), TrainingPlan(channels_last=False)):
        found = tried(loop, plan)
        assert not found.problem
        assert found.step > 0
    assert (torch.equal(torch.rand(3), expected[0]), np.random.rand(), random.random()) == (True, *expected[1:])
    assert equal(before, job.module.state_dict())
    assert all(parameter.grad is None for parameter in job.module.parameters())
    assert loop.feed.channels_last
    assert loop.numerics.plan == TrainingPlan()


@pytest.mark.parametrize(("gain", "words"), [(0.0, "times as fast"), (1e9, "times as fast, not taken")])
def test_half_precision_is_taken_where_it_is_native_and_pays(gain: float, words: str) -> None:
    limits = {"cpu": Limits(steps=1, seconds=0.0, compiling=math.inf, gain=gain)}
    plan = plan_for(loop_of(make_job(epochs=1)), Wishes(), limits=limits)
    native = native_half("cpu")
    assert plan.precision == ("bf16" if native and not gain else "fp32")
    assert plan.why["bf16"].endswith(words if native else "not native here")
    assert plan.why["compile"] == "not worth it for 1 epoch of 4 steps"


def test_what_cannot_be_tried_ends_nothing() -> None:
    job = dataclasses.replace(make_job(epochs=1), outputs=("logits", "more"))
    assert "ModelFaultError: the model declares the outputs" in tried(loop_of(job), TrainingPlan()).problem


@pytest.mark.parametrize(
    ("other", "compiled", "worth"),
    [
        (Tried(step=0.5), False, True),
        (Tried(step=0.8), False, False),
        (Tried(step=0.5, first=100.0), True, True),
        (Tried(step=0.5, first=200.0), True, False),
    ],
)
def test_it_is_worth_it_where_it_is_quicker_by_enough_and_compiling_pays_back(
    other: Tried, compiled: bool, worth: bool
) -> None:
    assert is_worth(Tried(step=1.0), other, steps=1000, gain=1.3, compiled=compiled) is worth


def steep(job: TrainJob) -> TrainJob:
    """The same with gradients that are too large for the first scales of fp16: its first steps are left out."""
    with torch.no_grad():
        job.module[5].weight.mul_(50)  # type: ignore[index, operator, union-attr]
    return job


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_trains_and_goes_on_to_the_bit(precision: str, tmp_path: Path) -> None:
    options = {**HARD, "precision": precision, "checkpoint_every": "2steps"}
    usual = trained(steep(make_job(epochs=3, **options)))
    assert all(value.dtype != torch.float16 and value.dtype != torch.bfloat16 for value in usual.values())
    assert not equal(usual, trained(steep(make_job(epochs=3, **HARD))))
    directory = RunDirectory(tmp_path / "stopped")

    def stop(step: int, steps: int) -> None:
        if len(rows) == 1 and step == 3:
            raise Stop

    rows: list[Any] = []
    with pytest.raises(Stop):
        fit(dataclasses.replace(steep(make_job(directory, epochs=3, **options)), on_batch=stop), on_epoch=rows.append)
    state = directory.read_state()
    assert state is not None
    assert state.part is not None
    assert state.part.batches == 2
    resumed = dataclasses.replace(make_job(directory, epochs=3, **options), state=state)
    assert equal(usual, trained(resumed))
    lines = (tmp_path / "stopped" / "metrics.jsonl").read_text().splitlines()
    norms = [json.loads(line).get("largest_gradient_norm", 0.0) for line in lines]
    assert len(norms) == 3
    assert all(map(math.isfinite, norms))
    assert norms[-1] > 0


def test_a_gradient_that_fp16_has_no_numbers_for_is_told(tmp_path: Path) -> None:
    job = make_job(epochs=20, precision="fp16", optimizer="sgd")
    job = dataclasses.replace(job, loss=lambda outputs, targets: outputs["logits"].sum() * 1e12)
    with pytest.raises(ZooError, match="no gradient is a number in fp16, however little the loss is scaled"):
        fit(job)


class Spoiling(nn.Module):
    """Gives no numbers from its third batch on."""

    def __init__(self) -> None:
        super().__init__()
        self.batches = 0

    def forward(self, inputs: Tensor) -> Tensor:
        self.batches += self.training
        return inputs * float("nan") if self.batches > 2 else inputs


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_no_numbers_are_told_with_their_layer_in_half_precision_too(precision: str) -> None:
    job = make_job(epochs=2, precision=precision)
    job.module.insert(1, Spoiling())  # type: ignore[operator]
    with pytest.raises(ZooError, match=r"the loss is nan at step 3; the first layer that gives no numbers is '1'"):
        fit(job)


@pytest.mark.parametrize("asked", ["auto", "false"])
def test_a_layout_is_one_of_pictures_and_weights(asked: str) -> None:
    seen: list[bool] = []
    torch.manual_seed(7)
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 2), nn.Flatten())
    module[2].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].is_contiguous()))
    told: list[TrainingPlan] = []
    fit(dataclasses.replace(make_job(epochs=1, channels_last=asked), module=module, on_plan=told.append))
    first = asked == "false"
    assert seen == [first] * len(seen)
    assert module[2].weight.is_contiguous() is first
    assert (", channels first, " in told[0].line) is first


def test_what_a_device_cannot_do_is_refused_before_the_first_step() -> None:
    with pytest.raises(UsageError, match="precision=bf16 is for cpu and cuda, not for mps"):
        check_wishes(Wishes(precision="bf16"), device="mps")
    if not torch.cuda.is_available():
        with pytest.raises(ZooError, match="precision=bf16: cuda does not compute in it"):
            check_wishes(Wishes(precision="bf16"), device="cuda")
    with pytest.raises(UsageError, match="computes its losses itself, in code that is not compiled"):
        check_wishes(Wishes(compile="true"), device="cpu", own_losses=True)


def test_what_cannot_be_is_told_before_the_first_step(here: Path, run_zoo: Callable[..., Result]) -> None:
    words = ("train", "mlp", "--dataset", "digits", "-d", "train_size=64", "--epochs", "1")
    refused = run_zoo(*words, "-t", "compile=true", env={"CXX": "no-such-compiler"})
    assert refused.code == 1
    assert "Error: compile=true needs a compiler: no C++ compiler no-such-compiler\n" in refused.stderr
    unknown = run_zoo(*words, "-t", "precision=fp8")
    assert unknown.code == 2
    assert "precision cannot be 'fp8'" in unknown.stderr
    assert "one of auto, fp32, bf16, fp16" in unknown.stderr
    assert not (here / "runs").exists()


def test_the_plan_is_a_line_and_kept_and_repeated(here: Path, run_zoo: Callable[..., Result]) -> None:
    words = ("train", "mlp", "--dataset", "digits", "-d", "train_size=64", "--epochs", "1")
    done = run_zoo(*words, "--run", "run", "-t", "precision=bf16")
    assert done.code == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("Plan: ")]
    assert len(lines) == 1
    assert lines[0].startswith("Plan: cpu, bfloat16 where it suits, ")
    record = json.loads((here / "runs/run/run.json").read_text())
    assert record["plan"]["precision"] == "bf16"
    assert {name: record["config"][name] for name in EVER} == {**EVER, "precision": "bf16"}
    again = run_zoo("train", "--like", "run", "--run", "again")
    assert again.code == 0, again.stderr
    assert (here / "runs/run/weights.safetensors").read_bytes() == (
        here / "runs/again/weights.safetensors"
    ).read_bytes()


class Whole(nn.Module):
    """A module that is no list of others."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, inputs: Tensor) -> Tensor:
        found: Tensor = self.layers(inputs)
        return found


def whole_job(run: RunDirectory | None = None, *, dropout: float, **config: object) -> TrainJob:
    job = make_job(run, epochs=2, **config)
    job.module[4].p = dropout  # type: ignore[index]
    return dataclasses.replace(job, module=Whole(job.module))


@pytest.mark.slow
@pytest.mark.timeout(600)  # a compiler is started for each shape of a batch
def test_compiled_code_trains_as_the_code_that_it_is_compiled_from() -> None:
    # Compiled code draws other random numbers, and the first steps of AdamW make much of the last digits.
    plain: dict[str, Any] = {"dropout": 0.0, "optimizer": "sgd", "lr": 0.01}
    usual, compiled = (trained(whole_job(**plain, compile=asked)) for asked in ("false", "true"))
    assert compiled.keys() == usual.keys()
    assert all(torch.allclose(value, usual[name], atol=1e-4) for name, value in compiled.items())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_compiled_code_goes_on_to_the_bit(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    with pytest.raises(Stop):
        fit(whole_job(directory, dropout=0.3, compile="true"), on_epoch=stop_after(1))
    job = dataclasses.replace(whole_job(directory, dropout=0.3, compile="true"), state=directory.read_state())
    assert equal(trained(job), trained(whole_job(dropout=0.3, compile="true")))


def test_options_of_a_plan_may_be_words_or_truths() -> None:
    trainer = open_zoo().trainer("supervised")
    option = next(each for each in trainer.spec.options if each.name == "compile")
    assert option.check(True, where="a file") == "true"
    with pytest.raises(UsageError, match="compile cannot be 'maybe'"):
        option.check("maybe", where="a file")
