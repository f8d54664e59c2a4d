"""Files that were left out because they cannot be read: they are no part of the data, also when somebody removes them,
and an export finds the data where its run has them."""

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
BAD = ("cat/003.png", "cat/019.png", "dog/007.png")
OPTIONS = ("-d", "root=pets", "-d", "size=8", "-d", "test_size=12", "-d", "skip_bad=true", "-o", "hidden=4")


def made(folder: Path) -> None:
    """Grey pictures of two classes, three of which cannot be read; a run and an export of them."""
    for number, name in enumerate(("cat", "dog")):
        (folder / "pets" / name).mkdir(parents=True)
        for index in range(20):
            noise = np.random.default_rng([number, index]).integers(0, 100, (8, 8))
            Image.fromarray((noise + 150 * number).astype(np.uint8)).save(folder / "pets" / name / f"{index:03}.png")
    for name in BAD:
        (folder / "pets" / name).write_bytes(b"no picture")
    run_to_success("train", "mlp", "--dataset", "image-folder", *OPTIONS, "--epochs", "1", "--run", "a", cwd=folder)
    run_to_success("export", "a", cwd=folder)


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory, here: Path) -> Path:
    """The current folder, with all that."""
    shutil.copytree(shared(tmp_path_factory, "left out", made), here, dirs_exist_ok=True)
    return here


def metrics(zoo: Zoo, *command: str) -> Any:
    measured = zoo("eval", *command, "--json")
    assert measured.code == 0, measured.stderr
    return json.loads(measured.stdout)["metrics"]


def test_a_bad_file_that_is_gone_changes_nothing(folder: Path, zoo_here: Zoo) -> None:
    before = metrics(zoo_here, "run:a")
    (folder / "pets" / BAD[0]).unlink()
    assert metrics(zoo_here, "run:a") == before
    for name in BAD[1:]:
        (folder / "pets" / name).unlink()
    assert metrics(zoo_here, "run:a") == before
    assert metrics(zoo_here, "export:a") == pytest.approx(before, abs=1e-4)
    assert zoo_here("features", "run:a", "--layer", "layers.0", "--out", "f.npz").code == 0
    resumed = zoo_here("train", "mlp", "--dataset", "image-folder", "--run", "a", "--resume", "--epochs", "2")
    assert resumed.code == 0, resumed.stderr
    assert sorted(json.loads(Path("runs/a/run.json").read_text())["skipped"]) == sorted(BAD)


def test_a_good_file_that_is_gone_is_told(folder: Path, zoo_here: Zoo) -> None:
    for name in (*BAD, "dog/011.png"):
        (folder / "pets" / name).unlink()
    refused = zoo_here("eval", "run:a")
    assert (refused.code, "have changed since" in refused.stderr) == (1, True), refused.stderr
    resumed = zoo_here("train", "mlp", "--dataset", "image-folder", "--run", "a", "--resume", "--epochs", "2")
    assert (resumed.code, "have changed since" in resumed.stderr) == (1, True), resumed.stderr


def test_the_card_names_what_was_left_out(folder: Path) -> None:
    told = f"| Left out | 3 files that cannot be read: {', '.join(BAD)} |"
    assert told in Path("runs/a/README.md").read_text().splitlines()


def test_an_export_finds_the_data_of_its_run(folder: Path, zoo_here: Zoo) -> None:
    assert metrics(zoo_here, "export:a") == pytest.approx(metrics(zoo_here, "run:a"), abs=1e-4)
    (folder / "pets").rename("moved")
    lost = zoo_here("eval", "export:a")
    assert lost.code == 1
    assert "Error: the data of export 'a' are no longer in pets" in lost.stderr
    assert "-d root=DIR" in lost.stderr
    assert metrics(zoo_here, "export:a", "-d", "root=moved") == pytest.approx(
        metrics(zoo_here, "run:a", "-d", "root=moved"), abs=1e-4
    )


def test_data_of_another_run_of_that_name_are_not_taken(folder: Path, zoo_here: Zoo) -> None:
    record = json.loads(Path("runs/a/run.json").read_text())
    Path("runs/a/run.json").write_text(json.dumps({**record, "dataset_fingerprint": "0" * 64}))
    unknown = zoo_here("eval", "export:a")
    assert unknown.code != 0
    assert "-d root=" in unknown.stderr
