"""Stopping and going on: real signals to a real program, and the same bits at the end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from shared import shared
from small_jobs import Stop
from stopped_runs import rows_without_time, stop_after, weights
from warm import run_to_success, start_program

from zoo_core import ZooError, load_run, open_zoo
from zoo_core.errors import UsageError
from zoo_core.training.checkpoint import read_tensors, save_tensors
from zoo_core.workflows.trainings.one_training import TrainCallbacks
from zoo_core.workflows.trainings.train import train

ARGUMENTS = ["train", "lenet5", "--dataset", "digits", "--epochs", "6", "-d", "train_size=400", "-t", "batch_size=16"]
SMALL: dict[str, Any] = {
    "model": "mlp",
    "dataset": "digits",
    "epochs": 5,
    "options": {"hidden": "16"},
    "data": {"train_size": "200"},
}


@contextlib.contextmanager
def started(folder: Path, *arguments: str, until: str) -> Iterator[Any]:
    """The program as a child, once it has printed `until` on stderr; killed at the end if it still runs."""
    with start_program(*arguments, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        try:
            assert child.stderr is not None
            for line in child.stderr:
                if until in line:
                    break
            else:
                raise AssertionError(f"{until!r} was never printed")
            yield child
        finally:
            if child.poll() is None:
                child.kill()


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the run `run` that nobody stopped."""

    def make(folder: Path) -> None:
        run_to_success(*ARGUMENTS, "--run", "run", cwd=folder)

    return shared(tmp_path_factory, "straight", make)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_a_run_stopped_in_the_middle_of_an_epoch_ends_with_the_same_bits(
    straight: Path, tmp_path: Path, run_zoo: Callable[..., Any], number: int, code: int
) -> None:
    with started(tmp_path, *ARGUMENTS, "--run", "run", until="epoch 2/6") as child:
        time.sleep(0.03)
        child.send_signal(number)
        _, stderr = child.communicate(timeout=60)
    assert child.returncode == code
    run = load_run(tmp_path / "runs" / "run")
    assert run.info.status == "unfinished"
    assert 2 <= len(run.rows) < 6
    if number != signal.SIGKILL:
        assert "To continue: zoo train lenet5 --dataset digits --run run --resume" in stderr
        assert stderr.count("Stopped.") == 1
        assert "Traceback" not in stderr
    again = run_zoo("train", "lenet5", "--dataset", "digits", "--run", "run", "--resume")
    assert again.code == 0, again.stderr
    assert "going on after epoch" in again.stderr
    assert weights(tmp_path, "run") == weights(straight, "run")
    rows, whole = rows_without_time(tmp_path), rows_without_time(straight)
    assert rows == whole
    assert [[*row["validation"]] for row in rows] == [[*row["validation"]] for row in whole], "metrics in one order"
    assert load_run(tmp_path / "runs" / "run").info.test == load_run(straight / "runs" / "run").info.test


def test_ctrl_c_in_the_first_epoch_says_what_is_lost(tmp_path: Path) -> None:
    long = ("train", "lenet5", "--dataset", "digits", "-t", "batch_size=1")
    with started(tmp_path, *long, until="Run lenet5-digits") as child:
        child.send_signal(signal.SIGINT)
        _, stderr = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "Stopped. No epoch was finished, so no weights are saved yet: " in stderr
    assert "To continue: zoo train lenet5 --dataset digits --run lenet5-digits --resume" in stderr


def test_a_run_killed_before_its_first_epoch_was_done_is_resumed_from_the_start(
    straight: Path, tmp_path: Path, run_zoo: Callable[..., Any]
) -> None:
    with started(tmp_path, *ARGUMENTS, until="Run lenet5-digits") as child:
        child.send_signal(signal.SIGKILL)
        child.wait(timeout=60)
    again = run_zoo("train", "lenet5", "--dataset", "digits", "--resume")
    assert again.code == 0, again.stderr
    assert weights(tmp_path, "lenet5-digits") == weights(straight, "run")


def test_the_same_seed_gives_the_same_file_in_another_process(
    straight: Path, tmp_path: Path, run_zoo: Callable[..., Any]
) -> None:
    assert run_zoo(*ARGUMENTS, "--run", "same").code == 0
    assert weights(tmp_path, "same") == weights(straight, "run")


# --- in this process


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_another_seed_gives_other_weights(folder: Path) -> None:
    for run, seed in (("first", 0), ("again", 0), ("other", 1)):
        train(open_zoo(), **SMALL | {"epochs": 1}, run=run, seed=seed)
    assert weights(folder, "first") == weights(folder, "again") != weights(folder, "other")


def test_a_run_stopped_between_epochs_ends_with_the_same_bits(folder: Path) -> None:
    train(open_zoo(), **SMALL, run="straight")
    with pytest.raises(KeyboardInterrupt):
        train(open_zoo(), **SMALL, run="stopped", callbacks=stop_after(3, KeyboardInterrupt))
    seen: list[int] = []
    callbacks = TrainCallbacks(on_epoch=lambda row: seen.append(row.epoch))
    info = train(open_zoo(), model="mlp", dataset="digits", run="stopped", resume=True, callbacks=callbacks)
    assert seen == [4, 5]
    assert info.status == "finished"
    assert weights(folder, "stopped") == weights(folder, "straight")
    assert rows_without_time(folder, "stopped") == rows_without_time(folder, "straight")


@pytest.mark.parametrize("epoch", [2, 5])
def test_files_torn_between_weights_and_checkpoint_are_made_whole_again(folder: Path, epoch: int) -> None:
    train(open_zoo(), **SMALL, run="straight")
    with pytest.raises(Stop):
        train(open_zoo(), **SMALL, run="stopped", callbacks=stop_after(epoch))
    # As after a kill in the next epoch, with newer best weights, a newer row, and the older checkpoint.
    path = folder / "runs" / "stopped"
    path.joinpath("weights.safetensors").write_bytes(b"half")
    with path.joinpath("metrics.jsonl").open("a") as file:
        file.write('{"epoch": 6')
    train(open_zoo(), model="mlp", dataset="digits", resume=True)
    assert weights(folder, "stopped") == weights(folder, "straight")
    assert rows_without_time(folder, "stopped") == rows_without_time(folder, "straight")


def test_a_run_stopped_after_its_last_epoch_is_measured_and_closed(folder: Path) -> None:
    with pytest.raises(Stop):
        train(open_zoo(), **SMALL, run="stopped", callbacks=stop_after(5))
    info = train(open_zoo(), model="mlp", dataset="digits", run="stopped", resume=True)
    assert info.status == "finished"
    assert info.test is not None


def test_without_a_name_the_newest_unfinished_run_of_that_model_and_dataset_goes_on(folder: Path) -> None:
    for name in ("first", "second"):
        with pytest.raises(Stop):
            train(open_zoo(), **SMALL, run=name, callbacks=stop_after(1))
    os.utime(folder / "runs" / "first" / "run.json", (1, 1))
    broken = folder / "runs" / "broken"
    broken.mkdir()
    broken.joinpath("run.json").write_text("{")
    assert train(open_zoo(), model="mlp", dataset="digits", resume=True).name == "second"
    assert train(open_zoo(), model="mlp", dataset="digits", resume=True).name == "first"
    with pytest.raises(UsageError, match="no unfinished run of mlp on digits in runs/: there is nothing to resume"):
        train(open_zoo(), model="mlp", dataset="digits", resume=True)


@pytest.fixture
def unfinished(folder: Path) -> Path:
    with pytest.raises(Stop):
        train(open_zoo(), **SMALL, run="stopped", callbacks=stop_after(1))
    return folder / "runs" / "stopped"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"seed": 1}, "--seed is 0 there, not 1"),
        ({"options": {"hidden": "32"}}, "-o hidden is 16 there, not 32"),
        ({"data": {"train_size": "100"}}, "-d train_size is 200 there, not 100"),
        ({"config": {"lr": "0.5"}}, "-t lr is 0.004 there, not 0.5"),
        ({"freeze": ["net.0.weight"]}, "--freeze is none there, not net.0.weight"),
        ({"seed": 1, "config": {"lr": "0.5"}}, "--seed is 0 there, not 1; -t lr is 0.004 there, not 0.5"),
    ],
)
def test_options_that_contradict_the_record_are_refused(unfinished: Path, asked: dict[str, Any], message: str) -> None:
    before = {path: path.read_bytes() for path in unfinished.rglob("*") if path.is_file()}
    with pytest.raises(UsageError) as caught:
        train(open_zoo(), model="mlp", dataset="digits", run="stopped", resume=True, **asked)
    assert caught.value.message == f"run 'stopped' was started with other options: {message}"
    assert before == {path: path.read_bytes() for path in unfinished.rglob("*") if path.is_file()}


def test_the_same_options_again_are_no_contradiction(unfinished: Path) -> None:
    info = train(open_zoo(), **SMALL, seed=0, run="stopped", config={"lr": "0.004"}, resume=True)
    assert info.status == "finished"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"model": "lenet5"}, "run 'stopped' has the model 'mlp', not 'lenet5'"),
        ({"dataset": "mnist"}, "run 'stopped' has the dataset 'digits', not 'mnist'"),
        ({"run": "stoped"}, "unknown run 'stoped'"),
        ({"dry_run": True}, "is resumed, replaced or only tried"),
    ],
)
def test_resuming_something_else_is_refused(unfinished: Path, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        train(open_zoo(), **{"model": "mlp", "dataset": "digits", "run": "stopped", "resume": True, **asked})


def test_a_finished_run_has_nothing_to_resume(unfinished: Path) -> None:
    train(open_zoo(), model="mlp", dataset="digits", resume=True)
    with pytest.raises(UsageError, match="run 'stopped' is finished: there is nothing to resume"):
        train(open_zoo(), model="mlp", dataset="digits", run="stopped", resume=True)


@pytest.mark.parametrize("content", [b"", b"half", None])
def test_a_damaged_checkpoint_is_a_clear_error(unfinished: Path, content: bytes | None) -> None:
    path = unfinished / "last" / "state.safetensors"
    path.write_bytes(path.read_bytes()[:-100] if content is None else content)
    with pytest.raises(ZooError, match=r"checkpoint .*state.safetensors is damaged") as caught:
        train(open_zoo(), model="mlp", dataset="digits", run="stopped", resume=True)
    assert caught.value.exit_code == 1
    assert unfinished.exists()


def test_a_run_stopped_in_its_first_epoch_still_begins_with_the_weights_that_were_asked_for(folder: Path) -> None:
    def interrupt(step: int, steps: int) -> None:
        raise KeyboardInterrupt

    train(open_zoo(), **SMALL, run="source")
    asked = {**SMALL, "epochs": 1, "init_from": "source"}
    train(open_zoo(), **asked, run="straight")
    with pytest.raises(KeyboardInterrupt):
        train(open_zoo(), **asked, run="stopped", callbacks=TrainCallbacks(on_batch=interrupt))
    train(open_zoo(), model="mlp", dataset="digits", run="stopped", resume=True)
    assert weights(folder, "stopped") == weights(folder, "straight")


@pytest.mark.parametrize("place", ["runs/moved", "elsewhere/moved"])
def test_a_run_that_was_moved_goes_on_under_its_new_name(
    unfinished: Path, folder: Path, zoo_here: Callable[..., Any], place: str
) -> None:
    (folder / place).parent.mkdir(exist_ok=True)
    unfinished.rename(folder / place)
    run = "moved" if place.startswith("runs") else place
    done = zoo_here("train", "mlp", "--dataset", "digits", "--run", run, "--resume")
    assert done.code == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"Next: zoo export {run}"
    record = json.loads((folder / place / "run.json").read_text())
    assert (record["name"], record["status"]) == ("moved", "finished")


def test_data_that_have_changed_are_a_clear_error(unfinished: Path) -> None:
    # A checkpoint of an older version, which does not know that it is the record that was changed, and not the data.
    state = unfinished / "last" / "state.safetensors"
    tensors, facts = read_tensors(state, what="checkpoint")
    save_tensors(state, tensors, facts={name: fact for name, fact in facts.items() if name != "record"})
    record = json.loads((unfinished / "run.json").read_text())
    (unfinished / "run.json").write_text(json.dumps(record | {"dataset_fingerprint": "0" * 64}))
    with pytest.raises(ZooError, match="the data of 'digits' have changed since run 'stopped' was started"):
        train(open_zoo(), model="mlp", dataset="digits", run="stopped", resume=True)


def test_a_run_that_is_being_trained_cannot_be_resumed_by_a_second_process(
    tmp_path: Path, run_zoo: Callable[..., Any]
) -> None:
    with started(tmp_path, *ARGUMENTS, until="epoch 1/6") as child:
        os.killpg(child.pid, signal.SIGSTOP)  # the process that watches, and the one that trains
        other = run_zoo("train", "lenet5", "--dataset", "digits", "--resume")
        os.killpg(child.pid, signal.SIGCONT)
        child.send_signal(signal.SIGKILL)
    assert other.code == 1
    assert "Error: run 'lenet5-digits' is being trained by another process" in other.stderr
