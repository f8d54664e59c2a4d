"""A run whose checkpoint or weights are damaged or gone: what is told is what is left, and its commands work."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Zoo = Callable[..., Any]

TRAIN = ("train", "mlp", "--dataset", "digits", "--run", "a", "-d", "train_size=64", "-o", "hidden=8")
RESUME = (*TRAIN[:6], "--resume", "--epochs", "4")


@pytest.fixture
def stopped(zoo_here: Zoo) -> Zoo:
    """The program, in a folder with a run of two epochs."""
    done = zoo_here(*TRAIN, "--epochs", "2")
    assert done.code == 0, done.stderr
    return zoo_here


def command_of(hint: str, *, ending: str) -> list[str]:
    """The command before these words of a hint, without the program."""
    (command,) = [part for part in hint.split(ending)[0].split("zoo ") if part][-1:]
    return shlex.split(command)


@pytest.mark.parametrize("state", ["damaged", "gone"])
def test_a_run_without_its_checkpoint_says_how_to_train_on_from_its_best_weights(state: str, stopped: Zoo) -> None:
    checkpoint = Path("runs/a/last/state.safetensors")
    before = Path("runs/a/weights.safetensors").read_bytes()
    if state == "gone":
        shutil.rmtree(checkpoint.parent)
    else:
        checkpoint.write_bytes(checkpoint.read_bytes()[:500])
    refused = stopped(*RESUME)
    assert refused.code == 1
    words = f"checkpoint {checkpoint} is {'missing' if state == 'gone' else 'damaged: '}"
    assert f"Error: {words}" in refused.stderr
    assert "run 'a' cannot go on from there" in refused.stderr
    assert "which are whole: zoo export a exports them" in refused.stderr
    assert "replace the file" not in refused.stderr
    assert Path("runs/a/weights.safetensors").read_bytes() == before
    command = command_of(refused.stderr, ending=" trains on from them")
    expected = "train mlp --dataset digits --run a-2 --epochs 2 -o hidden=8 -d train_size=64 --init-from a"
    assert command == expected.split()
    assert stopped(*command).code == 0


def test_a_run_without_checkpoint_and_weights_says_how_to_begin_again(stopped: Zoo) -> None:
    for name in ("last/state.safetensors", "weights.safetensors"):
        Path("runs/a", name).write_bytes(b"cut")
    refused = stopped(*RESUME)
    assert refused.code == 1
    assert "or begin again: zoo train mlp" in refused.stderr
    command = command_of(refused.stderr, ending=" (its best weights")
    assert stopped(*command).code == 0
    assert json.loads(Path("runs/a-2/run.json").read_text())["options"]["hidden"] == [8]


def test_weights_that_are_damaged_come_back_from_the_checkpoint(stopped: Zoo) -> None:
    weights = Path("runs/a/weights.safetensors")
    weights.write_bytes(weights.read_bytes()[:100])
    refused = stopped("eval", "a")
    assert refused.code == 1
    assert "the run's weights runs/a/weights.safetensors is damaged" in refused.stderr
    command = command_of(refused.stderr, ending=" takes them from the run's checkpoint")
    assert command == ["train", "mlp", "--dataset", "digits", "--run", "a", "--resume", "--epochs", "3"]
    assert stopped(*command).code == 0
    assert stopped("eval", "a").code == 0
