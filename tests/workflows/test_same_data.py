"""Data of a run that have changed or moved since: what is measured, drawn, resumed and exported then."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from shared import shared
from warm import run_to_success

Zoo = Callable[..., Any]
COUNT = 24
"""Pictures of each class: a tenth for validation, and 12 for the test."""


def fill(folder: Path, *, first: int = 0, count: int = COUNT) -> Path:
    """Grey pictures of two classes; the dark ones are `cat`."""
    for number, name in enumerate(("cat", "dog")):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for index in range(first, first + count):
            noise = np.random.default_rng([number, index]).integers(0, 100, (8, 8))
            Image.fromarray((noise + 150 * number).astype(np.uint8)).save(folder / name / f"{index:03}.png")
    return folder


OPTIONS = ("-d", "root=pets", "-d", "size=8", "-d", "test_size=12", "--epochs", "1", "-o", "hidden=4")


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def make(folder: Path) -> None:
        fill(folder / "pets")
        run_to_success("train", "mlp", "--dataset", "image-folder", *OPTIONS, "--run", "pets", cwd=folder)
        run_to_success("export", "pets", cwd=folder)

    return shared(tmp_path_factory, "pets", make)


@pytest.fixture
def folder(once: Path, here: Path) -> Path:
    """The current folder: `pets` with pictures, a run and an export of them."""
    for name in ("pets", "runs", "exported"):
        shutil.copytree(once / name, here / name)
    return here


def removed(folder: Path) -> None:
    (folder / "pets" / "cat" / "003.png").unlink()


def edited(folder: Path) -> None:
    for path in (folder / "pets" / "dog").iterdir():
        Image.fromarray(np.full((8, 8), 7, np.uint8)).save(path)


def added(folder: Path) -> None:
    fill(folder / "pets", first=100, count=5)


CHANGED = "the data that run 'pets' was trained on have changed since: samples of its training may be in the test part"


@pytest.mark.heavy
@pytest.mark.parametrize("change", [removed, edited, added])
def test_a_run_is_not_measured_on_data_that_have_changed_since(folder: Path, zoo_here: Zoo, change: Any) -> None:
    assert zoo_here("eval", "run:pets", "--json").json["same_data"] is True
    change(folder)
    refused = zoo_here("eval", "run:pets")
    assert (refused.code, refused.stdout) == (1, "")
    assert f"Error: {CHANGED}\n" in refused.stderr
    assert "--accept-changes goes on all the same" in refused.stderr
    accepted = zoo_here("eval", "run:pets", "--accept-changes", "--json")
    assert accepted.code == 0, accepted.stderr
    told = f"T{CHANGED[1:]}."
    assert told in accepted.stderr
    assert (accepted.json["same_data"], accepted.json["remarks"]) == (False, [told])


@pytest.mark.heavy
@pytest.mark.parametrize("what", ["confusion", "errors", "predictions", "samples"])
def test_nor_is_it_drawn_on_them(folder: Path, zoo_here: Zoo, what: str) -> None:
    removed(folder)
    refused = zoo_here("plot", "run:pets", "--what", what, "--split", "test")
    assert refused.code == 1
    assert CHANGED in refused.stderr
    assert not (folder / "runs" / "pets" / "plots" / f"{what}.png").exists()
    drawn = zoo_here("plot", "run:pets", "--what", what, "--split", "test", "--accept-changes", "--json")
    assert drawn.code == 0, drawn.stderr
    assert drawn.json["remarks"] == [f"T{CHANGED[1:]}."]


def test_an_export_knows_the_parts_that_its_run_had(folder: Path, zoo_here: Zoo) -> None:
    assert zoo_here("eval", "export:pets", "-d", "root=pets", "--json").json["same_data"] is True
    removed(folder)
    told = zoo_here("eval", "export:pets", "-d", "root=pets")
    assert told.code == 0, told.stderr
    assert "These are not the data that export 'pets' was trained on: samples of its training may be" in told.stderr


def test_an_export_whose_own_data_have_changed_is_refused_as_its_run_is(
    folder: Path, zoo_here: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_DATA", str(folder / "data"))
    shutil.copytree(folder / "pets", folder / "data" / "image-folder")
    assert zoo_here("eval", "export:pets", "--json").json["same_data"] is True
    (folder / "data" / "image-folder" / "cat" / "003.png").unlink()
    refused = zoo_here("eval", "export:pets")
    assert refused.code == 1
    assert "the data that export 'pets' was trained on have changed since" in refused.stderr


def test_a_run_of_before_is_held_against_its_training_part(folder: Path, zoo_here: Zoo) -> None:
    record = folder / "runs" / "pets" / "run.json"
    data = json.loads(record.read_text())
    del data["part_fingerprints"]
    record.write_text(json.dumps(data))
    assert zoo_here("eval", "run:pets", "--json").json["same_data"] is True
    removed(folder)
    assert CHANGED in zoo_here("eval", "run:pets").stderr


@pytest.mark.heavy
def test_a_test_part_of_its_own_may_grow_and_that_is_told(here: Path, zoo_here: Zoo) -> None:
    fill(here / "pets" / "train")
    fill(here / "pets" / "test", first=50, count=5)
    options = ("-d", "root=pets", "-d", "size=8", "--epochs", "1", "-o", "hidden=4", "--run", "own")
    assert zoo_here("train", "mlp", "--dataset", "image-folder", *options).code == 0
    fill(here / "pets" / "test", first=60, count=1)
    done = zoo_here("eval", "own", "--json")
    assert done.code == 0, done.stderr
    told = "The test part has changed since run 'own' was trained; the training part has not."
    assert (done.json["same_data"], done.json["remarks"]) == (False, [told])
    fill(here / "pets" / "train", first=80, count=1)
    unchanged = zoo_here("eval", "own")
    assert "have changed since: samples of its training may be in the test part" in unchanged.stderr


# --- other data, on purpose


@pytest.mark.heavy
def test_options_of_the_training_that_hold_for_other_data_are_said(folder: Path, zoo_here: Zoo) -> None:
    fill(folder / "others", first=500, count=20)
    done = zoo_here("eval", "run:pets", "-d", "root=others", "--json")
    assert done.code == 0, done.stderr
    assert (done.json["n"], done.json["same_data"]) == (12, False)
    first, second = done.json["remarks"]
    assert first.startswith("These are not the data that run 'pets' was trained on")
    assert second == (
        "Run 'pets' was trained with test_size=12, which holds for these data too; without: -d test_size=none"
    )
    whole = zoo_here("eval", "run:pets", "-d", "root=others", "-d", "test_size=none", "--json")
    assert (whole.json["split"], whole.json["remarks"]) == (
        "validation",
        [first.replace("test part", "validation part")],
    )


def test_a_larger_test_part_than_in_training_is_told(folder: Path, zoo_here: Zoo) -> None:
    done = zoo_here("eval", "run:pets", "-d", "test_size=30")
    assert done.code == 0, done.stderr
    assert "samples of its training may be in the test part" in done.stderr


# --- moved


def unfinished(folder: Path) -> None:
    record = folder / "runs" / "pets" / "run.json"
    data = json.loads(record.read_text())
    record.write_text(
        json.dumps(data | {"status": "unfinished", "epochs": 2, "config": data["config"] | {"epochs": 2}})
    )


LAYER = "layers.1"
RESUME = ("train", "mlp", "--dataset", "image-folder", "--run", "pets", "--resume")


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("command", "hint"),
    [
        (RESUME, "zoo train mlp --dataset image-folder --run pets --resume -d root=DIR"),
        ((*RESUME, "--epochs", "3"), "zoo train mlp --dataset image-folder --run pets --resume --epochs 3 -d root=DIR"),
        (("export", "run:pets", "--to", "new"), "zoo export run:pets -d root=DIR"),
        (("eval", "run:pets"), "the same command with -d root=DIR"),
        (("plot", "run:pets", "--what", "confusion"), "the same command with -d root=DIR"),
        (("features", "run:pets", "--layer", LAYER, "--out", "rows.npz"), "the same command with -d root=DIR"),
    ],
)
def test_data_that_were_moved_are_named_and_known_again(
    folder: Path, zoo_here: Zoo, command: tuple[str, ...], hint: str
) -> None:
    if command == RESUME:
        unfinished(folder)
    (folder / "pets").rename(folder / "moved")
    lost = zoo_here(*command)
    assert lost.code == 1
    assert lost.stderr == f"Error: the data of run 'pets' are no longer in pets\nHint: say where they lie now: {hint}\n"
    found = zoo_here(*command, "-d", "root=moved")
    assert found.code == 0, found.stderr
    assert "These are not the data" not in found.stderr
    if command[0] == "train":
        record = json.loads((folder / "runs" / "pets" / "run.json").read_text())
        assert (record["dataset_options"]["root"], record["status"]) == ("moved", "finished")


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("command", "told"),
    [
        ((*RESUME, "--epochs", "3"), "the data of 'image-folder' have changed since run 'pets' was started"),
        (("export", "run:pets", "--to", "new"), "others does not have the data of run 'pets'"),
    ],
)
def test_other_data_are_not_taken_for_those_that_were_moved(
    folder: Path, zoo_here: Zoo, command: tuple[str, ...], told: str
) -> None:
    fill(folder / "others", first=500)
    refused = zoo_here(*command, "-d", "root=others")
    assert refused.code == 1
    assert f"Error: {told}" in refused.stderr
    assert "-d root=DIR" in refused.stderr


@pytest.mark.heavy
def test_features_of_data_that_have_changed_are_written_with_a_warning(folder: Path, zoo_here: Zoo) -> None:
    removed(folder)
    done = zoo_here("features", "run:pets", "--layer", LAYER, "--out", "rows.npz", "--split", "test")
    assert done.code == 0, done.stderr
    assert "Warning: These are not the data that run 'pets' was trained on: samples of its training" in done.stderr


def test_an_export_of_a_run_whose_data_have_changed_says_on_what_it_is_checked(folder: Path, zoo_here: Zoo) -> None:
    added(folder)
    done = zoo_here("export", "run:pets", "--to", "new")
    assert done.code == 0, done.stderr
    assert "Warning: the data of run 'pets' have changed since it was trained: the file is checked on" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run:pets", "-d", "val_size=3"), "-d val_size: a run is exported with the options of its data"),
        (("lenet5", "-d", "root=pets"), "lenet5 is a model: no data are read for it"),
    ],
)
def test_what_an_export_does_not_take_of_a_dataset(
    folder: Path, zoo_here: Zoo, arguments: tuple[str, ...], message: str
) -> None:
    refused = zoo_here("export", *arguments)
    assert refused.code == 2
    assert f"Error: {message}" in refused.stderr


@pytest.mark.heavy
@pytest.mark.parametrize("command", [("eval", "export:pets"), ("plot", "export:pets", "--what", "errors")])
def test_an_export_does_not_say_where_its_data_lie(folder: Path, zoo_here: Zoo, command: tuple[str, ...]) -> None:
    shutil.rmtree(folder / "runs")  # which does
    asked = zoo_here(*command)
    assert asked.code == 1, asked.stderr
    told = "the data of export 'pets' are files of somebody's own, and it does not say where they lie"
    assert f"Error: {told}\nHint: say where they lie now: the same command with -d root=DIR\n" in asked.stderr
