"""`zoo train --resume` without a model: the record of the run says what it is of."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_jobs import Stop
from stopped_runs import stop_after

from zoo_core import open_zoo
from zoo_core.workflows.trainings.train import train

Zoo = Callable[..., Any]


def stopped(name: str, model: str = "mlp") -> None:
    """A small run of two epochs, stopped after the first one."""
    data = {"train_size": "64"}
    with pytest.raises(Stop):
        train(open_zoo(), model=model, dataset="digits", run=name, epochs=2, data=data, callbacks=stop_after(1))


def is_finished(name: str) -> bool:
    return bool(json.loads(Path(f"runs/{name}/run.json").read_text())["status"] == "finished")


@pytest.mark.heavy
def test_the_only_unfinished_run_goes_on(here: Path, zoo_here: Zoo) -> None:
    stopped("one")
    done = zoo_here("train", "--resume")
    assert (done.code, is_finished("one")) == (0, True), done.stderr
    nothing = zoo_here("train", "--resume")
    assert nothing.code == 2
    assert "Error: no unfinished run in runs/: there is nothing to resume" in nothing.stderr
    longer = zoo_here("train", "--resume", "--run", "one", "--epochs", "3")
    assert (longer.code, "going on after epoch 2" in longer.stderr) == (0, True), longer.stderr


@pytest.mark.heavy
def test_of_several_unfinished_runs_it_is_said_what_to_type(here: Path, zoo_here: Zoo) -> None:
    for name, model in (("one", "mlp"), ("two words", "mlp"), ("three", "lenet5")):
        stopped(name, model)
    asked = zoo_here("train", "--resume")
    assert asked.code == 2
    assert "3 runs are unfinished: three (lenet5 on digits), two words (mlp on digits), one" in asked.stderr
    assert "or zoo train --resume --run 'two words'; or " in asked.stderr
    fewer = zoo_here("train", "mlp", "--resume")
    assert "2 runs are unfinished: two words" in fewer.stderr
    plotted = zoo_here("plot", "one")
    assert "Next: zoo train mlp --dataset digits --run one --resume" in plotted.stdout.splitlines()
    only = zoo_here("train", "lenet5", "--resume")
    assert (only.code, is_finished("three")) == (0, True), only.stderr
    named = zoo_here("train", "--resume", "--run", "two words")
    assert (named.code, is_finished("two words"), is_finished("one")) == (0, True, False), named.stderr
    as_model = zoo_here("train", "one", "--resume")
    assert as_model.code == 2
    assert "'one' is no model, but a run\nHint: zoo train --resume --run one" in as_model.stderr


def test_a_new_run_needs_both(zoo_here: Zoo) -> None:
    for words, missing in (
        ((), "argument 'MODEL'"),
        (("--run", "a"), "argument 'MODEL'"),
        (("mlp",), "option '--dataset'"),
    ):
        refused = zoo_here("train", *words)
        assert (refused.code, f"Error: Missing {missing}." in refused.stderr) == (2, True), refused.stderr
