"""A run's record is held to what its weights and its checkpoint were made with: an edited one is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo_core import EpochRow, ZooError, load_run, open_zoo
from zoo_core.training.checkpoint import read_tensors, save_tensors
from zoo_core.workflows.trainings.one_training import TrainCallbacks
from zoo_core.workflows.trainings.train import train

pytestmark = pytest.mark.heavy

Zoo = Callable[..., Any]
SMALL: dict[str, Any] = {
    "model": "mlp",
    "dataset": "digits",
    "epochs": 2,
    "options": {"hidden": "16"},
    "data": {"train_size": "64", "val_size": "32"},
    "run": "run",
}
EDITS: dict[str, Callable[[Any], Any]] = {
    "classes": lambda names: names[::-1],
    "options": lambda options: {**options, "dropout": 0.5},
    "dataset": lambda name: "mnist",
    "dataset_options": lambda options: {**options, "size": 14},
    "dataset_fingerprint": lambda text: "0" + text[1:],
    "config": lambda config: {**config, "lr": 9.0},
    "seed": lambda seed: seed + 1,
    "init_from": lambda name: "another",
    "freeze": lambda patterns: ["*"],
}


def edit(**changes: Any) -> None:
    file = Path("runs/run/run.json")
    record = json.loads(file.read_text())
    file.write_text(json.dumps({name: changes.get(name, value) for name, value in record.items()}))


def test_every_edit_of_what_was_decided_is_noticed_and_named(here: Path, zoo_here: Zoo) -> None:
    train(open_zoo(), **SMALL)
    record = json.loads(Path("runs/run/run.json").read_text())
    for name, change in EDITS.items():
        edit(**record | {name: change(record[name])})
        with pytest.raises(ZooError, match=rf"runs/run/run.json was edited: {name} is not what the run was trained"):
            load_run("run").build()
    edit(**record | {"freeze": ["*"], "seed": 3})
    done = zoo_here("export", "run")
    assert (done.code, done.stdout) == (1, "")
    assert "Error: runs/run/run.json was edited: seed, freeze are not what the run was trained with" in done.stderr
    assert not Path("exported").exists()


def test_what_may_change_is_no_edit(here: Path) -> None:
    """Where the data lie, what a folder is called, and how many epochs there are in the end."""
    train(open_zoo(), **SMALL)
    record = json.loads(Path("runs/run/run.json").read_text())
    edit(name="renamed", dataset_options={**record["dataset_options"], "root": "elsewhere"}, epochs=9)
    Path("runs/run").rename("runs/renamed")
    assert load_run("renamed").build()


def test_an_edited_record_is_not_gone_on_with(here: Path) -> None:
    class Stop(Exception):
        """Ends the training between two epochs."""

    def stop(row: EpochRow) -> None:
        raise Stop

    with pytest.raises(Stop):
        train(open_zoo(), **SMALL, callbacks=TrainCallbacks(on_epoch=stop))
    record = json.loads(Path("runs/run/run.json").read_text())
    edit(config={**record["config"], "lr": 9.0})
    with pytest.raises(ZooError, match="was edited: config is not what the run was trained with"):
        train(open_zoo(), model="mlp", dataset="digits", run="run", resume=True)
    edit(config=record["config"])
    assert train(open_zoo(), model="mlp", dataset="digits", run="run", resume=True).status == "finished"


def test_weights_of_older_versions_say_nothing_of_the_record(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(open_zoo(), **SMALL)
    file = Path("runs/run/weights.safetensors")
    tensors, facts = read_tensors(file, what="weights")
    del facts["record"]
    save_tensors(file, tensors, facts=facts)
    edit(seed=7)
    capsys.readouterr()
    assert load_run("run").build()
    assert capsys.readouterr().err == ""
