"""The command that is printed as the next one can be typed as it is."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from onnx_files import write_brightness

from zoo_core import EpochRow, Recipe, TensorSpec, open_zoo
from zoo_core.commands.next_step import use_of, words_of
from zoo_core.workflows.trainings.one_training import TrainCallbacks
from zoo_core.workflows.trainings.train import train

Zoo = Callable[..., Any]
SMALL = ("--dataset", "digits", "-o", "hidden=4", "-d", "train_size=60", "--epochs", "1")


def next_of(done: Any) -> list[str]:
    """The words of the next step, without `zoo`."""
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("Next: zoo "))
    return shlex.split(line.removeprefix("Next: zoo "))


@pytest.mark.heavy
def test_after_a_dry_run_the_same_training(zoo_here: Zoo) -> None:
    done = zoo_here("train", "mlp", "--dry-run", *SMALL, "--run", "my run")
    assert next_of(done) == ["train", "mlp", *SMALL, "--run", "my run"]


def test_a_run_named_like_its_model_is_told_apart(zoo_here: Zoo, tmp_path: Path) -> None:
    done = zoo_here("train", "mlp", "--dataset", "digits", "--epochs", "2", "--run", "mlp")
    assert next_of(done) == ["export", "run:mlp"]
    card = (tmp_path / "runs" / "mlp" / "README.md").read_text()
    assert "\nzoo export run:mlp\nzoo plot run:mlp\n" in card
    for command in (("eval", "mlp"), ("plot", "run:mlp")):
        assert next_of(zoo_here(*command)) == ["export", "run:mlp"]
    assert zoo_here("plot", "run:mlp", "--what", "filters").code != 70


def test_options_of_the_data_are_given_again(zoo_here: Zoo) -> None:
    data = ["-d", "train_size=40", "-d", "classes=1,7"]
    for command in (["info", "digits"], ["plot", "digits"]):
        assert next_of(zoo_here(*command, *data)) == ["train", "MODEL", "--dataset", "digits", *data]


@pytest.mark.parametrize(
    ("changes", "use"),
    [
        ({}, "zoo predict 'my export' PICTURE..."),
        (
            {"preprocess": None, "inputs": {"wave": TensorSpec("N", 1, "2*L")}},
            "zoo predict 'my export' SEQUENCE.csv...",
        ),
        ({"preprocess": None, "inputs": {"features": TensorSpec("N", 84)}}, "zoo predict 'my export' TABLE.csv..."),
        ({"preprocess": None, "inputs": {"dose": TensorSpec("N")}}, "zoo predict 'my export' NUMBERS.csv..."),
        ({"preprocess": None}, "zoo predict 'my export' ARRAY.npy..."),
        (
            {"preprocess": None, "inputs": dict.fromkeys("ab", TensorSpec("N", 8))},
            "zoo predict 'my export' SAMPLES.csv",
        ),
        ({"preprocess": None, "recipes": {"image": Recipe("waveform")}}, "zoo predict 'my export' FILE.wav..."),
        ({"task": "keypoints"}, "zoo predict 'my export' PICTURE..."),
        ({"untrained": True}, "zoo view 'my export'"),
    ],
)
def test_an_export_is_used_for_what_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], use: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_brightness(tmp_path, name="my export", **changes)
    assert use_of("my export", words_of("my export")) == use


@pytest.mark.heavy
def test_an_unfinished_run_says_so_when_it_is_exported(zoo_here: Zoo, tmp_path: Path) -> None:
    def stop(row: EpochRow) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(
            open_zoo(),
            model="mlp",
            dataset="digits",
            run="half",
            epochs=4,
            options={"hidden": "4"},
            data={"train_size": "60"},
            callbacks=TrainCallbacks(on_epoch=stop),
        )
    done = zoo_here("export", "half")
    assert done.code == 0, done.stderr
    assert "Warning: run 'half' is unfinished: its run has done 1 of 4 epochs; the weights are those of" in done.stderr


def test_runs_are_no_entries_of_the_catalogue(zoo_here: Zoo, tmp_path: Path) -> None:
    assert zoo_here("train", "mlp", *SMALL, "--run", "mine").code == 0
    for typed, told in (
        ("mine", "'mine' is a run: zoo info is for models, datasets, trainers and exports\nHint: runs/mine/README.md"),
        ("run:mine", "'run:mine' is a run"),
    ):
        done = zoo_here("info", typed)
        assert (done.code, told in done.stderr) == (2, True), done.stderr
