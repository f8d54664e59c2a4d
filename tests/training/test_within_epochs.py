"""Checkpoints within epochs: whatever a training does, it goes on after any step as if nobody had stopped it."""

from __future__ import annotations

import dataclasses
import json
import resource
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_jobs import Stop, fit, make_job
from stopped_runs import stop_after, weights

from zoo_core import ZooError, load_run, open_zoo
from zoo_core.errors import UsageError
from zoo_core.tasks import get_task
from zoo_core.training import RunDirectory, TrainJob, read_cadence
from zoo_core.training.evaluation import Collector
from zoo_core.training.packing import NotPlainError, packed, unpacked
from zoo_core.workflows.trainings.train import train
from zoo_plugins.classification.samples import ClassTally

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
    timed = {"seconds", "samples_per_second", "feed_share"}
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


# --- what is kept of the measures


def roundtrip(value: Any) -> Any:
    tensors: dict[str, torch.Tensor] = {}
    return unpacked(json.loads(json.dumps(packed(value, tensors, "part"), allow_nan=False)), tensors)


def test_plain_values_come_back_to_the_bit() -> None:
    arrays = [np.arange(3, dtype=np.uint32), np.array([[True, False]]), np.array(-0.0), np.zeros((0, 4))]
    value = {
        "none": None,
        2: [1, "a", -0.0, float("nan"), float("-inf"), (1 << 70, [True])],
        "arrays": arrays,
        "batches": [torch.ones(2, 3), torch.zeros(1, 3)],
        "single": [np.float64(0.1), torch.tensor(3)],
    }
    found = roundtrip(value)
    assert list(found) == list(value)
    assert repr(found[2]) == repr(value[2])
    for one, other in zip(arrays, found["arrays"], strict=True):
        assert (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
    assert [each.tolist() for each in found["batches"]] == [each.tolist() for each in value["batches"]]
    assert type(found["single"][0]) is np.float64


@pytest.mark.parametrize("value", [{1}, [object()], {(1, 2): 3}, np.array(["a"], dtype=object)])
def test_other_values_are_refused(value: Any) -> None:
    with pytest.raises(NotPlainError):
        packed(value, {}, "part")


OUTPUTS: dict[str, tuple[tuple[int, ...], tuple[int, ...], int]] = {
    "image-classification": ((6, 3), (6,), 3),
    "binary-classification": ((6,), (6,), 2),
    "semantic-segmentation": ((6, 3, 4, 4), (6, 4, 4), 3),
    "regression": ((6, 2), (6, 2), 0),
    "multilabel-classification": ((6, 4), (6, 4), 2),
    "embedding": ((6, 8), (6,), 3),
    "image-to-image": ((6, 3, 16, 16), (6, 3, 16, 16), 0),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_the_measures_of_every_kind_of_task_go_on_to_the_bit(name: str) -> None:
    shape, true, classes = OUTPUTS[name]
    task, drawn = get_task(name), np.random.default_rng(0)
    whole, first, second = Collector(task), Collector(task), Collector(task)
    for number in range(4):
        outputs = {"out": torch.from_numpy(drawn.normal(size=shape).astype(np.float32))}
        values = drawn.integers(0, classes, true) if classes else drawn.uniform(size=true).astype(np.float32)
        whole.add(outputs, torch.from_numpy(values))
        (first if number < 2 else second).add(outputs, torch.from_numpy(values))
        if number == 0:
            for each in (whole, first):
                each.tally(where="a test")  # what waits is counted
        if number == 1:
            second.restore(roundtrip(first.state()))
    assert second.metrics(where="a test") == whole.metrics(where="a test")


class OddTally(ClassTally):
    def __init__(self, deciding: Any) -> None:
        super().__init__(deciding)
        self.seen = {object()}


def test_a_measure_that_keeps_other_things_is_told_once_and_epochs_are_saved_as_wholes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = RunDirectory(tmp_path / "run")
    job = make_job(directory, epochs=2, checkpoint_every="1steps")
    monkeypatch.setattr(type(job.task), "tally", lambda self: OddTally(self.deciding))
    stopped_at(job, 2, 3)
    state = directory.read_state()
    assert state is not None
    assert (state.epoch, state.part) == (1, None)
    told = capsys.readouterr().err.splitlines()
    assert told == ["Warning: within epochs nothing can be saved, after each as ever: the task's tally keeps a set"]


# --- signals


def test_a_second_ctrl_c_ends_at_once(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "run")

    def on_batch(step: int, steps: int) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fit(dataclasses.replace(make_job(directory), on_batch=on_batch))
    assert directory.read_state() is None
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_signal_that_somebody_else_hears_stops_nothing(tmp_path: Path) -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        job = make_job(RunDirectory(tmp_path / "run"), epochs=2)
        result = fit(
            dataclasses.replace(job, on_batch=lambda step, steps: step == 2 and signal.raise_signal(signal.SIGINT))
        )
    finally:
        signal.signal(signal.SIGINT, before)
    assert (result.epochs, heard) == (2, [signal.SIGINT] * 2)


# --- files


@pytest.fixture
def kept(tmp_path: Path) -> RunDirectory:
    """A run that was stopped within its second epoch, and once more later in it."""
    directory = RunDirectory(tmp_path / "run")
    for step in (2, 3):
        stopped_at(dataclasses.replace(make_job(directory, epochs=2), state=directory.read_state()), 2, step)
    return directory


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_the_checkpoint_before_stands_in_for_one_that_is_damaged(kept: RunDirectory, damage: str) -> None:
    newest = kept.path / "last" / "state.safetensors"
    if damage == "cut":
        newest.write_bytes(newest.read_bytes()[:-50])
    else:
        newest.unlink()
    state, problem = kept.last_good()
    assert state is not None
    assert state.where == "step 2 of 4 of epoch 2"
    assert f"checkpoint {newest} is {'damaged: ' if damage == 'cut' else 'missing'}" in problem
    kept.settled()
    again = kept.read_state()
    assert again is not None
    assert again.where == state.where


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"batches": 5}, "is damaged: ValueError: of an epoch it holds"),
        ({"seconds": "long"}, "is damaged: ValueError: of an epoch it holds"),
        ({"sums": {"dict": []}}, "cannot be taken up within its epoch: KeyError"),
        ({"sums": {"list": [1]}}, "cannot be taken up within its epoch: TypeError"),
    ],
)
def test_a_checkpoint_that_makes_no_sense_is_told(kept: RunDirectory, part: dict[str, Any], words: str) -> None:
    state = kept.read_state()
    assert state is not None
    assert state.part is not None
    odd = dataclasses.replace(state, part=dataclasses.replace(state.part, **part))
    kept.save_state(odd, selection="accuracy")
    with pytest.raises(ZooError, match=words):
        fit(dataclasses.replace(make_job(kept, epochs=2), state=kept.read_state()))


def test_a_disk_that_is_full_takes_nothing_and_ends_nothing(
    tmp_path: Path, kept: RunDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    straight = RunDirectory(tmp_path / "straight")
    fit(make_job(straight, epochs=2))
    before = (kept.path / "last" / "state.safetensors").read_bytes()
    job = dataclasses.replace(make_job(kept, epochs=2, checkpoint_every="1steps"), state=kept.read_state())

    def on_batch(step: int, steps: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(ZooError, match=r"cannot write .*\.safetensors: File too large"):
            fit(dataclasses.replace(job, on_batch=on_batch))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    told = capsys.readouterr().err
    assert "Warning: a checkpoint was not saved, training goes on, and the one before it is kept: cannot write" in told
    assert (kept.path / "last" / "state.safetensors").read_bytes() == before
    fit(dataclasses.replace(make_job(kept, epochs=2), state=kept.read_state()))
    assert rows(kept) == rows(straight)


def test_a_training_that_diverges_in_its_first_epoch_leaves_no_run(here: Path) -> None:
    asked = {"model": "mlp", "dataset": "digits", "epochs": 2, "data": {"train_size": "64"}, "run": "run"}
    with pytest.raises(ZooError, match="diverged in epoch 1") as caught:
        train(open_zoo(), **asked, config={"lr": "1e30", "batch_size": "8", "checkpoint_every": "1steps"})
    assert "no run is left" in str(caught.value.hint)
    assert not (here / "runs" / "run").exists()


def test_a_run_killed_after_its_last_epoch_and_before_all_was_told_goes_on_with_that(here: Path) -> None:
    asked: dict[str, Any] = {"model": "mlp", "dataset": "digits", "epochs": 2, "data": {"train_size": "64"}}
    train(open_zoo(), **asked, run="run")
    path = here / "runs" / "run"
    whole = {each.relative_to(path): each.read_bytes() for each in path.rglob("*") if each.is_file()}
    with pytest.raises(UsageError, match="run 'run' is finished with 2 epochs"):
        train(open_zoo(), **asked, run="run", resume=True)
    (path / ".lock").touch()  # as SIGKILL leaves it
    (path / "plots" / "curves.png").unlink()
    info = train(open_zoo(), **asked, run="run", resume=True)
    assert (info.status, info.test) == ("finished", load_run("run").info.test)
    assert {each.relative_to(path): each.read_bytes() for each in path.rglob("*") if each.is_file()} == whole


def test_how_often_it_is_saved_may_change_and_changes_nothing(here: Path) -> None:
    asked: dict[str, Any] = {"model": "mlp", "dataset": "digits", "epochs": 2, "data": {"train_size": "64"}}
    train(open_zoo(), **asked, run="straight", config={"checkpoint_every": "none"})
    with pytest.raises(Stop):
        train(open_zoo(), **asked, run="run", callbacks=stop_after(1), config={"checkpoint_every": "90s"})
    info = train(open_zoo(), **asked, run="run", resume=True, config={"checkpoint_every": "2steps"})
    assert info.config["checkpoint_every"] == "2steps"
    assert weights(here) == weights(here, "straight")


@pytest.mark.parametrize("text", ["5", "0steps", "often", "-1m", "2.5steps", "0s"])
def test_a_checkpoint_every_something_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="checkpoint_every is a time or a number of steps, not "):
        read_cadence(text)


def test_times_and_steps_are_read() -> None:
    found = [read_cadence(text) for text in ("5m", "1h30m", "1step", "200 steps", "none", None)]
    assert [(each.seconds, each.batches) for each in found[:4]] == [(300, None), (5400, None), (None, 1), (None, 200)]
    assert not any(each.is_due(seconds=1e9, batches=10**9) for each in found[4:])
