"""`zoo rm`: runs and exports of this folder are removed, after asking; nothing else ever is."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from warm import start_program

Zoo = Callable[..., Any]


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder with two runs, of which one has an export of its name, and something of somebody's own beside them."""
    for name in ("mine", "other"):
        run = tmp_path / "runs" / name
        (run / "last").mkdir(parents=True)
        run.joinpath("run.json").write_text(json.dumps({"model": "lenet5", "dataset": "digits"}))
        run.joinpath("last", "state.safetensors").write_bytes(bytes(1000))
    export = tmp_path / "exported" / "mine"
    export.mkdir(parents=True)
    export.joinpath("model.onnx").write_bytes(b"")
    export.joinpath("report.json").write_text(json.dumps({"run": "mine"}))
    own = tmp_path / "runs" / "notes"
    own.mkdir()
    own.joinpath("thesis.txt").write_text("words")
    return tmp_path


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_a_run_is_removed_and_nothing_beside_it(zoo_here: Zoo, shelf: Path) -> None:
    before = files_in(shelf)
    done = zoo_here("rm", "mine", "--yes")
    assert done.code == 0, done.stderr
    assert done.stdout.splitlines() == ["Removed run mine (runs/mine, 2 files, 0.0 MB)", "Next: zoo list runs"]
    assert before - files_in(shelf) == {"runs/mine", *(name for name in before if name.startswith("runs/mine/"))}
    assert not files_in(shelf) - before


def test_exports_and_runs_are_removed_together_by_name_and_by_path(zoo_here: Zoo, shelf: Path) -> None:
    done = zoo_here("rm", "export:mine", "runs/other/", "./runs/mine", "run:mine", "--yes", "--json")
    assert done.code == 0, done.stderr
    assert done.json == {"removed": ["exported/mine", "runs/other", "runs/mine"]}
    assert files_in(shelf) == {"runs", "exported", "runs/notes", "runs/notes/thesis.txt"}


def test_a_damaged_run_can_be_removed(zoo_here: Zoo, shelf: Path) -> None:
    (shelf / "runs" / "mine" / "run.json").write_text("{")
    assert zoo_here("rm", "mine", "--yes").code == 0
    assert not (shelf / "runs" / "mine").exists()


def test_what_a_killed_removal_left_is_in_nobodys_way(zoo_here: Zoo, shelf: Path) -> None:
    shutil.copytree(shelf / "runs" / "other", shelf / "runs" / ".mine.tmp" / "mine")
    assert "tmp" not in zoo_here("list", "runs").stdout
    assert zoo_here("rm", "mine", "--yes").code == 0
    assert [path.name for path in (shelf / "runs").glob(".mine*")] == []


def test_without_a_terminal_and_yes_nothing_is_removed(run_zoo: Zoo, shelf: Path) -> None:
    before = files_in(shelf)
    refused = run_zoo("rm", "mine", "other")
    assert refused.code == 2
    assert "Error: nothing was removed: there is no terminal on which to ask" in refused.stderr
    assert "Hint: zoo rm mine other --yes" in refused.stderr
    assert files_in(shelf) == before


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
def test_on_a_terminal_it_asks_and_says_what_is_removed(shelf: Path, answer: str, code: int) -> None:
    ours, theirs = os.openpty()
    pipe = subprocess.PIPE
    with start_program("rm", "mine", "other", cwd=shelf, cold=True, stdin=theirs, stdout=pipe, stderr=pipe) as child:
        os.write(ours, answer.encode())
        stdout, stderr = child.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert child.returncode == code, stderr
    assert "run mine (runs/mine, 2 files, 0.0 MB)\nrun other (runs/other, 2 files, 0.0 MB)\n" in stderr
    assert "Remove this for good? [y/N]" in stderr
    assert (shelf / "runs" / "mine").exists() == (shelf / "runs" / "other").exists() == (code == 1)
    assert ("Nothing was removed." in stderr) == (code == 1)
    assert ("Removed run mine" in stdout) == (code == 0)


def elsewhere(shelf: Path) -> None:
    shutil.copytree(shelf / "runs" / "mine", shelf / "away" / "mine")


def linked(shelf: Path) -> None:
    elsewhere(shelf)
    (shelf / "runs" / "link").symlink_to(shelf / "away" / "mine")


def linked_base(shelf: Path) -> None:
    (shelf / "runs").rename(shelf / "away")
    (shelf / "runs").symlink_to(shelf / "away")


def not_ours(shelf: Path) -> None:
    (shelf / "exported" / "mine" / "report.json").unlink()


def bare_file(shelf: Path) -> None:
    (shelf / "exported" / "bare.onnx").write_bytes(b"")


@pytest.mark.parametrize(
    ("make", "name", "code", "message"),
    [
        (None, "mien", 2, "unknown run or export 'mien'"),
        (None, "notes", 2, "unknown run or export 'notes'"),
        (None, "runs", 2, "unknown run or export 'runs' (the path is there, but it is not one)"),
        (None, "model:lenet5", 2, "a model is not possible here"),
        (elsewhere, "away/mine", 2, "away/mine is not in runs/ of this folder, so it is not removed"),
        (linked, "link", 1, "runs/link is a symbolic link, which is not followed"),
        (linked_base, "mine", 1, "runs is a symbolic link, which is not followed"),
        (not_ours, "export:mine", 2, "exported/mine has no report.json, so it is not removed"),
        (bare_file, "exported/bare.onnx", 2, "exported/bare.onnx has no report.json, so it is not removed"),
    ],
)
def test_nothing_else_is_ever_removed(
    zoo_here: Zoo, shelf: Path, make: Callable[[Path], None] | None, name: str, code: int, message: str
) -> None:
    if make is not None:
        make(shelf)
    before = files_in(shelf)
    refused = zoo_here("rm", "other", name, "--yes")
    assert refused.code == code
    assert message in refused.stderr
    assert files_in(shelf) == before


def test_links_inside_a_run_are_not_followed(zoo_here: Zoo, shelf: Path) -> None:
    kept = shelf / "kept"
    kept.mkdir()
    kept.joinpath("data.bin").write_bytes(b"data")
    (shelf / "runs" / "mine" / "data").symlink_to(kept)
    assert zoo_here("rm", "mine", "--yes").code == 0
    assert kept.joinpath("data.bin").read_bytes() == b"data"


def test_a_run_that_is_being_trained_is_left_alone(zoo_here: Zoo, shelf: Path) -> None:
    with (shelf / "runs" / "mine" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = zoo_here("rm", "mine", "--yes")
    assert refused.code == 1
    assert "run 'mine' is being trained by another process" in refused.stderr
    assert (shelf / "runs" / "mine" / "run.json").exists()


def test_an_export_that_is_being_made_is_left_alone(zoo_here: Zoo, shelf: Path) -> None:
    with (shelf / "exported" / ".mine.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = zoo_here("rm", "export:mine", "--yes")
    assert refused.code == 1
    assert "another process is exporting to exported/mine" in refused.stderr
    assert (shelf / "exported" / "mine" / "model.onnx").exists()


def test_needs_no_torch(run_zoo: Zoo, site: Path, shelf: Path) -> None:
    (site / "torch").mkdir(parents=True)
    (site / "torch" / "__init__.py").write_text("raise ModuleNotFoundError('No module named torch', name='torch')")
    done = run_zoo("rm", "mine", "export:mine", "--yes", "--json")
    assert done.json == {"removed": ["runs/mine", "exported/mine"]}
