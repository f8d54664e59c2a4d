"""Several processes that train one model take the steps of one process, with the same samples."""

from __future__ import annotations

from pathlib import Path

import pytest
from stopped_runs import rows_without_time
from together import zoo_together
from warm import run_to_success

from zoo_core import load_run

SGD = ("-t", "optimizer=sgd", "-t", "lr=0.05", "-t", "momentum=0.9")
TRAIN = ("train", "mlp", "--dataset", "digits", "-d", "train_size=67", "-t", "batch_size=16", "--epochs", "4", *SGD)


def furthest(one: Path, other: Path) -> float:
    first, second = load_run(one).state_dict(), load_run(other).state_dict()
    assert first.keys() == second.keys()
    return max(float((value - second[name]).abs().max()) for name, value in first.items())


def test_processes_take_the_steps_of_one_and_measure_each_sample_once(tmp_path: Path) -> None:
    # The last batch of each epoch has three samples: of three processes two have none of it.
    more = ("-t", "accumulate=2", "-t", "class_weights=balanced", "-t", "mixup=0.2", "-t", "clip=1", "-t", "ema=0.9")
    run_to_success(*TRAIN, "--run", "one", cwd=tmp_path)
    run_to_success(*TRAIN, *more, "--run", "more", cwd=tmp_path)
    for run, count, options in (("two", 2, ()), ("more-3", 3, more)):
        done = zoo_together(*TRAIN, *options, "--run", run, count=count, cwd=tmp_path)
        assert [each.code for each in done] == [0] * count, done
        assert f"{run}: 4 epochs in " in done[0].stdout
        assert {(each.stdout, each.stderr) for each in done[1:]} == {("", "")}
        assert furthest(tmp_path / "runs" / run, tmp_path / "runs" / ("more" if options else "one")) < 1e-6
        info = load_run(tmp_path / "runs" / run).info
        assert (info.processes, info.backend) == (count, "gloo")
    for one, other in zip(rows_without_time(tmp_path, "one"), rows_without_time(tmp_path, "two"), strict=True):
        assert one["validation"] == pytest.approx(other["validation"], abs=1e-6)
        assert one["train"] == pytest.approx(other["train"], abs=1e-6)
        assert one["gradient_norm"] == pytest.approx(other["gradient_norm"], abs=1e-5)
    assert load_run(tmp_path / "runs/two").info.test == pytest.approx(load_run(tmp_path / "runs/one").info.test)
