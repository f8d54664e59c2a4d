"""Several processes of one training: one that is stopped, killed, or fails, ends all of them, and the run goes on."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from stopped_runs import rows_without_time
from test_processes import SGD, furthest
from together import ended_together, start_together, zoo_together
from warm import Result, run_program, run_to_success

from zoo_core import UsageError, load_run
from zoo_core.training import RunDirectory
from zoo_core.workflows.trainings.together import check_together

EPOCHS = 10
TRAIN = ("train", "mlp", "--dataset", "digits", "-d", "train_size=67", "-t", "batch_size=16", *SGD)
LONG = (*TRAIN, "--epochs", str(EPOCHS), "-t", "checkpoint_every=2steps")


def stopped_by(number: int, folder: Path, *, run: str, rank: int) -> list[Result]:
    """Two processes, one of which gets a signal in the third epoch."""
    processes = start_together(*LONG, "--run", run, count=2, cwd=folder)
    rows = folder / "runs" / run / "metrics.jsonl"
    until = time.monotonic() + 60
    while not rows.exists() or len(rows.read_text().splitlines()) < 2:
        assert time.monotonic() < until, [each.poll() for each in processes]
        time.sleep(0.01)
    processes[rank].send_signal(number)
    return ended_together(processes)


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two processes that nobody disturbs."""
    folder = tmp_path_factory.mktemp("straight")
    assert [each.code for each in zoo_together(*LONG, "--run", "two", count=2, cwd=folder)] == [0, 0]
    return folder


def test_all_stop_where_one_is_told_to_and_go_on_in_any_number(tmp_path: Path, straight: Path) -> None:
    done = stopped_by(signal.SIGTERM, tmp_path, run="run", rank=1)
    assert [each.code for each in done] == [143, 143], done
    assert "Stopped. " in done[0].stderr
    assert "To continue: zoo train mlp --dataset digits --run run --resume --processes 2\n" in done[0].stderr
    assert done[1].stderr == ""
    state = RunDirectory(tmp_path / "runs/run").read_state()
    assert state is not None
    assert 2 <= state.epoch < EPOCHS
    (tmp_path / "runs/alone").mkdir()
    for file in (tmp_path / "runs/run").rglob("*"):
        target = tmp_path / "runs/alone" / file.relative_to(tmp_path / "runs/run")
        target.mkdir(exist_ok=True) if file.is_dir() else target.write_bytes(file.read_bytes())
    resumed = zoo_together("train", "--resume", "--run", "run", count=2, cwd=tmp_path)
    assert [each.code for each in resumed] == [0, 0], resumed
    ours, theirs = (load_run(path).state_dict() for path in (tmp_path / "runs/run", straight / "runs/two"))
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())
    assert rows_without_time(tmp_path, "run") == rows_without_time(straight, "two")
    run_to_success("train", "--resume", "--run", "alone", cwd=tmp_path)
    assert furthest(tmp_path / "runs/alone", straight / "runs/two") < 1e-4
    assert load_run(tmp_path / "runs/alone").info.processes == 1


def test_one_that_is_killed_ends_the_others_at_once(tmp_path: Path) -> None:
    done = stopped_by(signal.SIGKILL, tmp_path, run="run", rank=1)
    assert [each.code for each in done] == [1, -9], done
    assert done[0].stderr.splitlines()[-2:] == [
        "Error: another process of this training has ended, or does not answer",
        "Hint: what it says of that stands above, or in its own log; the same command with --resume goes on",
    ]
    assert load_run(tmp_path / "runs/run").info.status == "unfinished"


def test_a_failure_of_all_is_told_once(tmp_path: Path) -> None:
    words = [word if word != "lr=0.05" else "lr=1e30" for word in TRAIN]
    done = zoo_together(*words, "--epochs", "3", "--run", "x", count=2, cwd=tmp_path)
    assert [each.code for each in done] == [1, 1], done
    assert sum("Error: training diverged in epoch 1: the loss is " in each.stderr for each in done) == 1
    assert sum("Error" in each.stderr for each in done) == 1
    assert not (tmp_path / "runs/x").exists()


FAILING = """
    import os

    import torch
    from torch import nn

    from zoo_core import ModelSpec, TensorSpec, hookimpl

    class Net(nn.Module):
        def __init__(self, num_classes):
            super().__init__()
            self.layer = nn.Linear(784, num_classes)

        def forward(self, image):
            if self.training and os.environ.get("RANK") == "1":
                raise ValueError("not in this process")
            return self.layer(image.flatten(1))

    def build(*, num_classes: int = 10):
        return Net(num_classes)

    @hookimpl
    def zoo_models():
        yield ModelSpec(
            name="odd", build=build, summary="fails in one process", task="image-classification",
            inputs={"image": TensorSpec("N", 1, 28, 28)}, outputs={"logits": TensorSpec("N", "num_classes")},
        )
"""


def test_a_failure_of_one_is_told_by_it_and_ends_all(
    tmp_path: Path, fake_distribution: Callable[..., Path], site: Path
) -> None:
    fake_distribution("odd-model", FAILING)
    words = ("train", "odd", "--dataset", "digits", "-d", "train_size=64", "--epochs", "2")
    done = zoo_together(*words, count=2, cwd=tmp_path, site=site)
    assert [each.code for each in done] == [1, 1], done
    assert "Error: training odd failed: not in this process" in done[1].stderr, done
    assert "Error" not in done[0].stderr


def test_what_several_processes_cannot_do_is_refused_before_they_start(tmp_path: Path) -> None:
    words = ("train", "mlp", "--dataset", "digits", "--processes", "2")
    done = run_program(*words, "--folds", "3", cwd=tmp_path)
    told = "--folds does not go with several processes: each fold is a training of its own"
    assert (done.code, told in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "runs").exists()
    for name in ("find_lr", "time_budget", "dry_run", "prove_resume"):
        with pytest.raises(UsageError, match=f"--{name.replace('_', '-')} does not go with several processes: "):
            check_together({name: True})
