"""What `zoo train` is asked for by a file, or by a run that it shall be like."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stopped_runs import weights

from zoo_core import load_run
from zoo_core.training import differing_settings

SMALL = ("mlp", "--dataset", "digits", "-o", "hidden=16", "-d", "train_size=100", "-d", "val_size=40")
FILE = """
model = "mlp"
dataset = "digits"
epochs = 1
seed = 5

[model_options]
hidden = [16]

[dataset_options]
train_size = 100
val_size = 40

[trainer_options]
optimizer = "sgd"
lr = 0.05
momentum = 0
"""

Zoo = Callable[..., Any]


def test_a_run_like_another_has_its_bits_and_what_is_typed_differs(zoo_here: Zoo, here: Path) -> None:
    typed = ("--epochs", "1", "--seed", "3", "-t", "momentum=0.5")
    for words in (
        (*SMALL, *typed, "--run", "first"),
        ("--like", "first", "--run", "again"),
        ("--like", "first", "--run", "other", "-t", "optimizer=sgd", "-d", "classes=3,8", "-d", "val_size=30"),
    ):
        done = zoo_here("train", *words)
        assert done.code == 0, done.stderr
    assert weights(here, "again") == weights(here, "first")
    first, other = (load_run(name).info for name in ("first", "other"))
    assert (other.seed, other.epochs, other.options["hidden"]) == (3, 1, first.options["hidden"])
    assert set(differing_settings([first, other])[1]) == {
        "-t optimizer", "-t weight_decay", "-d classes", "-d val_size", "-o num_classes"
    }  # fmt: skip
    assert other.config["weight_decay"] == 0.0, "what is usual for an optimizer does not outlive it"
    assert other.config["momentum"] == 0.5


def test_another_model_takes_no_options_of_the_model_before(zoo_here: Zoo) -> None:
    assert zoo_here("train", *SMALL, "--epochs", "1", "--run", "first").code == 0
    done = zoo_here("train", "lenet5", "--like", "first", "--run", "other")
    assert done.code == 0, done.stderr
    info = load_run("other").info
    assert info.model == "lenet5"
    assert info.dataset_options["train_size"] == 100


def test_a_file_says_what_is_not_typed(zoo_here: Zoo, here: Path) -> None:
    (here / "mine.toml").write_text(FILE)
    done = zoo_here("train", "--config", "mine.toml", "--run", "mine", "-t", "lr=0.1")
    assert done.code == 0, done.stderr
    info = load_run("mine").info
    assert (info.epochs, info.seed, info.options["hidden"]) == (1, 5, [16])
    assert (info.config["optimizer"], info.config["lr"], info.config["momentum"]) == ("sgd", 0.1, 0.0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("epochs: 3", "mine.toml is no TOML: "),
        ('modle = "mlp"', "mine.toml has 'modle', which is nothing of a training"),
        ('epochs = "3"', "mine.toml: epochs is a whole number, not '3'"),
        ("freeze = [1]", "mine.toml: freeze is a list of texts, not [1]"),
        ('model = "mlp"', "Missing option '--dataset'"),
        ('model = "mlp"\ndataset = "digits"\n[trainer_options]\nrate = 3', "trainer supervised has no option 'rate'"),
    ],
)
def test_a_file_that_cannot_be_is_told_before_anything_is_read(zoo_here: Zoo, here: Path, text: str, told: str) -> None:
    (here / "mine.toml").write_text(text)
    done = zoo_here("train", "--config", "mine.toml")
    assert done.code == 2
    assert told in done.stderr


def test_what_is_said_twice_is_refused(zoo_here: Zoo, here: Path) -> None:
    (here / "mine.toml").write_text(FILE)
    for words in (("--like", "a", "--config", "mine.toml"), ("--resume", "--like", "a"), ("--resume", "--config", "b")):
        done = zoo_here("train", *words)
        assert done.code == 2
        assert "each says what a training is" in done.stderr
    missing = zoo_here("train", "--config", "none.toml")
    assert missing.code == 1
    assert "none.toml" in missing.stderr
