"""`zoo train --folds N`: a run for each fold, the spread of their measures, and going on where it was stopped."""

from __future__ import annotations

import json
import shutil
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_datasets import bound
from stopped_runs import weights

from zoo_core import load_run
from zoo_core.data.selection import fold
from zoo_core.errors import UsageError, ZooError

SMALL = ("train", "mlp", "--dataset", "digits", "-o", "hidden=16", "-d", "train_size=100", "--epochs", "2")

Zoo = Callable[..., Any]


def test_folds_share_no_sample_and_have_them_all_each_class_alike() -> None:
    targets = np.repeat(np.arange(3), (50, 23, 4)).astype(np.int64)
    found = [fold(targets, f"{number}/4", stratified=True, where="x") for number in range(1, 5)]
    assert sorted(np.concatenate([inside for _, inside in found]).tolist()) == list(range(77))
    for outside, inside in found:
        assert sorted([*outside, *inside]) == list(range(77))
        assert np.bincount(targets[inside], minlength=3).tolist()[2] == 1
    sizes = np.array([np.bincount(targets[inside]) for _, inside in found])
    assert (sizes.max(0) - sizes.min(0) <= 1).all()
    assert sizes.sum(1).max() - sizes.sum(1).min() <= 1


@pytest.mark.parametrize("text", ["2", "a/b", "-1/5", "1/", "0/5", "6/5", "1/1"])
def test_what_is_no_fold_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=f"val_fold cannot be '{text}'|there is no fold {text}"):
        bound(given={"val_fold": text})
    with pytest.raises(UsageError, match="a fold has its size by itself"):
        bound(given={"val_fold": "1/5", "val_size": "3"})
    with pytest.raises(ZooError, match="80 folds of 3 samples"):
        fold(np.zeros(3, np.int64), "1/80", stratified=True, where="x")


def test_folds_are_trained_and_their_spread_is_told_and_a_stopped_one_goes_on(zoo_here: Zoo, here: Path) -> None:
    done = zoo_here(*SMALL, "--folds", "3", "--json")
    assert done.code == 0, done.stderr
    report = json.loads(done.stdout)
    infos = [load_run(f"mlp-digits-fold-{number}").info for number in (1, 2, 3)]
    assert [info.dataset_options["val_fold"] for info in infos] == ["1/3", "2/3", "3/3"]
    measured = [info.validation["accuracy"] for info in infos]
    told = report["validation"]["accuracy"]
    assert told["values"] == measured
    assert told["mean"] == pytest.approx(statistics.fmean(measured))
    assert told["std"] == pytest.approx(statistics.stdev(measured))
    assert [each["run"] for each in report["folds"]] == [f"mlp-digits-fold-{number}" for number in (1, 2, 3)]
    assert set(report["test"]) >= {"loss", "accuracy"}

    kept = [weights(here, info.name) for info in infos]
    again = zoo_here(*SMALL, "--folds", "3")
    assert again.code == 2
    assert "run 'mlp-digits-fold-1' exists" in again.stderr
    third = here / "runs" / "mlp-digits-fold-3"
    record = json.loads((third / "run.json").read_text())
    (third / "run.json").write_text(json.dumps({**record, "status": "unfinished"}))
    shutil.rmtree(here / "runs" / "mlp-digits-fold-2")
    resumed = zoo_here(*SMALL, "--folds", "3", "--resume")
    assert resumed.code == 0, resumed.stderr
    assert "Fold 1/3" not in resumed.stderr
    assert [weights(here, info.name) for info in infos] == kept
    assert f"accuracy     {told['mean']:.4f} ± {told['std']:.4f}" in resumed.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--folds", "1"), "Invalid value for '--folds'"),
        (("--folds", "3", "--overfit", "5"), "--folds and --overfit are not for one another"),
        (("--folds", "3", "-d", "val_size=5"), "--folds says what is for validation"),
    ],
)
def test_what_makes_no_sense_with_folds_is_refused(zoo_here: Zoo, words: Any, told: str) -> None:
    done = zoo_here(*SMALL, *words)
    assert done.code == 2
    assert told in done.stderr
