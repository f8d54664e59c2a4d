"""Trainings on samples that lie in memory, on the disk or nowhere: the weights are the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from small_jobs import Stop
from stopped_runs import rows_without_time, stop_after
from warm import Result

from zoo_core import load_run, open_zoo
from zoo_core.data import Feeding, LazyRows, bind_dataset
from zoo_core.workflows.exports.fitting_rows import fitting_rows
from zoo_core.workflows.trainings.one_training import TrainCallbacks
from zoo_core.workflows.trainings.train import train


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty JPEGs of two classes."""
    root = tmp_path_factory.mktemp("pictures")
    for number in range(40):
        path = root / ("dark", "bright")[number % 2] / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        low = 128 * (number % 2)
        pixels = np.random.default_rng(number).integers(low, low + 128, (20, 24, 3), np.uint8)
        Image.fromarray(pixels).save(path)
    return root


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))


def asked(pictures: Path, **more: Any) -> dict[str, Any]:
    data = {"root": str(pictures), "size": 32}
    return {"model": "lenet5", "dataset": "image-folder", "data": data, "epochs": 2, **more}


def config(feed: str, workers: int = 1) -> dict[str, Any]:
    return {"feed": feed, "workers": workers, "batch_size": 8}


def equal(one: str, other: str) -> bool:
    first, second = (load_run(Path("runs") / name) for name in (one, other))
    states = first.state_dict(), second.state_dict()
    assert rows_without_time(Path(), one) == rows_without_time(Path(), other)
    return all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_a_training_is_the_same_wherever_its_samples_lie_and_may_go_on_elsewhere(pictures: Path) -> None:
    zoo, told = open_zoo(), []
    train(zoo, **asked(pictures, config=config("memory"), run="memory"))
    watched = TrainCallbacks(on_note=told.append, on_epoch=stop_after(1).on_epoch)
    with pytest.raises(Stop):
        train(zoo, **asked(pictures, config=config("stored"), run="run"), callbacks=watched)
    assert any(line.startswith("Plan: ") and ", feed stored, " in line for line in told)
    train(zoo, model="lenet5", dataset="image-folder", config=config("streamed"), run="run", resume=True)
    assert equal("memory", "run")
    assert load_run(Path("runs/run")).info.config["feed"] == "streamed"  # as it goes on
    row = json.loads(Path("runs/run/metrics.jsonl").read_text().splitlines()[0])
    assert 0 < row["feed_share"] < 1


def test_a_feed_is_an_option_of_the_command(pictures: Path, run_zoo: Callable[..., Result]) -> None:
    words = ["train", "lenet5", "--dataset", "image-folder", "-d", f"root={pictures}", "-d", "size=32", "--epochs", "1"]
    found = run_zoo(*words, "-t", "feed=streamed", "-t", "workers=1")
    assert found.code == 0
    plan = next(line for line in found.stderr.splitlines() if line.startswith("Plan: "))
    assert ", feed streamed, 123 KB of samples; read for each batch, by 1 process" in plan
    refused = run_zoo("train", "lenet5", "--dataset", "digits", "-t", "feed=stored", "--epochs", "1")
    assert refused.code == 2
    assert "feed=stored is not possible: its loader gives all samples as arrays" in refused.stderr


def test_an_export_is_checked_on_as_many_samples_as_fit(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = bind_dataset(open_zoo().dataset("image-folder"), {"root": str(pictures), "size": 32})
    whole = dataset.load("train", feeding=Feeding(kind="stored", workers=0))
    assert isinstance(whole.main, LazyRows)
    assert fitting_rows(whole) is whole
    each = 4 * 3 * 32 * 32
    some = fitting_rows(whole, most=5 * each)
    assert "checked on 5 samples of 36: more do not fit into memory at once" in capsys.readouterr().err
    assert whole.files is not None
    assert some.files == tuple(whole.files[place] for place in (0, 8, 17, 26, 35))
    in_memory = dataset.load("train", feeding=Feeding(kind="memory"))
    assert fitting_rows(in_memory, most=1) is in_memory
