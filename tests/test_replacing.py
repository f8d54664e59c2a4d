"""Folders and files take their places whole; what a killed process leaves is put back or removed, by who may."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from file_limits import files_up_to

from zoo_core import ZooError
from zoo_core.errors import UsageError
from zoo_core.export.publish.publish import building
from zoo_core.files import remove_abandoned, written_whole
from zoo_core.records import RunInfo
from zoo_core.replacing import scratch
from zoo_core.shelf import find_export, free_run_name, list_exports, list_runs
from zoo_core.training import RunDirectory

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.usefixtures("here")


def make_export(folder: Path, words: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_text(words)
    (folder / "report.json").write_text(json.dumps({"name": words}))
    return folder


def record(name: str) -> RunInfo:
    texts = ("model", "model_plugin", "dataset", "dataset_plugin", "dataset_fingerprint", "trainer", "trainer_plugin")
    mappings = ("options", "dataset_options", "config", "versions")
    values: dict[str, Any] = {**dict.fromkeys(texts, "x"), **{name: {} for name in mappings}}
    return RunInfo(name=name, **values, classes=(), epochs=1, seed=0, device="cpu", commit=None, machine="x")


def fault_points(*options: str) -> list[dict[str, Any]]:
    """What came of a fault at each operation on files; nothing was lost, and nothing left over."""
    script = [sys.executable, ROOT / "benchmarks" / "kill_points.py", *options, "--json"]
    memory = Path("/dev/shm")  # where to wait for the disk at each step costs nothing
    env = {**os.environ, "TMPDIR": str(memory)} if memory.is_dir() else None
    done = subprocess.run(script, capture_output=True, text=True, check=False, env=env)
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    assert [row for row in rows if not row["is_well"]] == []
    return rows


@pytest.mark.parametrize("form", ["folder", "aside"])
def test_whenever_a_replacement_is_killed_one_of_the_two_exports_is_there(form: str) -> None:
    rows = fault_points("--form", form)
    assert {row["found"] for row in rows} == {"old", "new"}
    steps = [row["operation"] for row in rows]
    assert len(steps) > 30, steps
    assert ("exchange" in steps) == (form == "folder"), steps
    assert ("rename exported/.tried.old" in steps) == (form == "aside"), steps


def test_wherever_the_disk_is_full_the_old_export_is_there_and_nothing_else() -> None:
    rows = fault_points("--form", "folder", "--full")
    assert {(row["code"], row["found"]) for row in rows} == {(1, "old")}
    assert len(rows) > 10


def test_an_export_that_was_moved_aside_is_put_back_when_somebody_looks() -> None:
    make_export(Path("exported/.lenet.old"), "it")
    assert [entry.name for entry in list_exports()] == ["lenet"]
    Path("exported/lenet").rename("exported/.lenet.old")
    assert find_export("lenet").joinpath("model.onnx").read_text() == "it"
    Path("exported/lenet").rename("exported/.lenet.old")
    assert find_export("exported/lenet").joinpath("model.onnx").read_text() == "it"
    assert [path.name for path in Path("exported").iterdir()] == ["lenet"]


def test_one_that_was_replaced_is_removed_and_not_put_back() -> None:
    make_export(Path("exported/.lenet.old"), "the old one")
    make_export(Path("exported/lenet"), "the new one")
    assert find_export("lenet").joinpath("model.onnx").read_text() == "the new one"
    assert [path.name for path in Path("exported").iterdir()] == ["lenet"]


def test_what_a_killed_export_has_left_is_removed_by_a_list() -> None:
    make_export(Path("exported/lenet"), "it")
    make_export(Path("exported/.half.tmp"), "half")
    for name in (".half.lock", ".lenet.lock"):
        Path("exported", name).touch()
    assert [entry.name for entry in list_exports()] == ["lenet"]
    assert [path.name for path in Path("exported").iterdir()] == ["lenet"]
    with building(Path("exported/live").absolute()) as folder:  # and what belongs to a live one stays
        list_exports()
        assert folder.is_dir()
        assert Path("exported/.live.lock").exists()


def test_nobody_touches_what_a_live_process_has_moved() -> None:
    with building(Path("exported/lenet").absolute()) as folder:
        make_export(Path("exported/.lenet.old"), "aside for a moment")
        assert list_exports() == ()
        with pytest.raises(ZooError, match="another process is exporting to"), building(Path("exported/lenet")):
            pass
        assert folder.is_dir()
    assert [entry.name for entry in list_exports()] == ["lenet"]


def test_temporary_files_are_removed_but_for_those_that_are_being_written() -> None:
    left = Path(".weights.safetensors.ab12cd34.tmp")
    left.write_bytes(b"half")
    Path("mine.tmp").touch()
    with written_whole(Path("weights.safetensors")) as file:
        file.write(b"whole")
        remove_abandoned(Path.cwd())
        assert not left.exists()
    assert Path("weights.safetensors").read_bytes() == b"whole"
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["mine.tmp", "weights.safetensors"]


def test_scratch_folders_of_killed_processes_are_removed_but_those_in_use_are_not() -> None:
    left = Path(".unpacking-ab12cd34")
    left.mkdir()
    (left / "half").touch()
    with scratch(Path.cwd(), ".unpacking-") as first, scratch(Path.cwd(), ".unpacking-") as second:
        assert sorted(path.name for path in Path.cwd().iterdir()) == sorted([first.name, second.name])
    assert list(Path.cwd().iterdir()) == []


def test_who_trains_a_run_clears_up_in_it() -> None:
    directory = RunDirectory(Path("runs/first"))
    directory.create(record("first"))
    directory.path.joinpath("last").mkdir()
    left = [directory.path / ".run.json.ab12cd34.tmp", directory.path / "last" / ".state.safetensors.ab12cd34.tmp"]
    for path in left:
        path.write_bytes(b"half")
    with directory.lock():
        assert not any(path.exists() for path in left)


def test_a_full_disk_before_there_is_a_record_leaves_the_name_free() -> None:
    with files_up_to(10), pytest.raises(ZooError, match="cannot write runs/") as caught:
        RunDirectory(Path("runs/first")).create(record("first"))
    assert (
        caught.value.hint
        == "files of that size are not allowed there: choose another folder, or raise the limit (ulimit -f)"
    )
    assert list(Path("runs").iterdir()) == []
    RunDirectory(Path("runs/first")).create(record("first"))
    assert [run.name for run in list_runs()] == ["first"]


def test_what_older_versions_left_of_a_run_without_a_record_is_no_obstacle() -> None:
    Path("runs/first").mkdir(parents=True)
    Path("runs/first/.run.json.ab12cd34.tmp").write_text("{")
    assert free_run_name("first") == "first"
    RunDirectory(Path("runs/first")).create(record("first"))
    assert [path.name for path in Path("runs/first").iterdir()] == ["run.json"]
    assert free_run_name("first") == "first-2"


def test_a_folder_of_somebody_else_is_no_free_name() -> None:
    Path("runs/first").mkdir(parents=True)
    Path("runs/first/.git").write_text("mine")
    with pytest.raises(UsageError, match="runs/first exists"):
        RunDirectory(Path("runs/first")).create(record("first"))
    assert Path("runs/first/.git").read_text() == "mine"
