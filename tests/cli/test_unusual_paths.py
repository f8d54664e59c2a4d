"""Paths that cannot be looked at: names too long, folders without permission, a current folder that was removed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from onnx_files import write_brightness
from PIL import Image

from zoo_core.errors import ZooError
from zoo_core.runtime.running.model import open_model

LONG = "x" * 300
_CAPABILITIES = "-dac_override,-dac_read_search"
_UNPRIVILEGED = ["setpriv", f"--bounding-set={_CAPABILITIES}", f"--inh-caps={_CAPABILITIES}"]
"""Root without the right to read what nobody may read."""


def picture(path: str) -> Path:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (6, 6), 255).save(path)
    return Path(path)


@pytest.fixture
def model(here: Path) -> str:
    write_brightness(here)
    picture("a.png")
    picture("b.png")
    return "brightness"


def as_nobody(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """`zoo ARGUMENT...` without the right to read everything."""
    command = [sys.executable, "-m", "zoo_core", *arguments]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("there is no setpriv")
        command = _UNPRIVILEGED + command
    return subprocess.run(command, capture_output=True, text=True, check=False, **more)


@pytest.mark.parametrize(
    "arguments",
    [
        ("predict", LONG, "a.png"),
        ("predict", "brightness", "a.png", "--out", f"{LONG}.csv"),
        ("verify", LONG),
        ("info", LONG),
        ("view", LONG),
        ("eval", LONG),
        ("eval", "brightness", "--dataset", "image-folder", "-d", f"root={LONG}"),
        ("rm", LONG),
    ],
    ids=lambda arguments: " ".join(arguments).replace(LONG, "LONG"),
)
def test_a_name_that_is_too_long_is_said(arguments: tuple[str, ...], model: str, run_zoo: Callable[..., Any]) -> None:
    done = run_zoo(*arguments)
    assert done.code == 1, done.stderr
    assert LONG in done.stderr
    assert "File name too long" in done.stderr
    assert "a name has 255 bytes at most" in done.stderr


def test_in_python_it_is_an_error_of_the_zoo(model: str) -> None:
    with pytest.raises(ZooError, match=r"cannot look at x+: File name too long"):
        open_model(LONG)


def test_one_such_input_stops_no_other(model: str, run_zoo: Callable[..., Any]) -> None:
    listed = f"a.png\n{LONG}\n{LONG}.png\nb.png\n"
    for more in ((), ("--out", "results.csv")):
        done = run_zoo("predict", model, "-", "--json", *more, typed=listed)
        assert done.code == 1
        errors = [row.get("error", "") for row in done.json]
        assert [bool(error) for error in errors] == [False, True, True, False]
        assert "File name too long" in errors[1]


def test_an_answer_whose_file_would_have_too_long_a_name(here: Path, run_zoo: Callable[..., Any]) -> None:
    from mask_files import light_mask

    light_mask(here)
    longest = picture(f"{'y' * 251}.png")
    picture("a.png")
    picture(f"{'z' * 240}.png")
    done = run_zoo("predict", "light", str(longest), "a.png", f"{'z' * 240}.png", "--json")
    assert done.code == 1, done.stderr
    assert "File name too long" in done.json[0]["error"]
    assert Path("a.mask.png").is_file()
    assert Path(f"{'z' * 240}.mask.png").is_file()


def test_unreadable_inputs_stop_no_other(model: str) -> None:
    picture("noread.png").chmod(0o000)
    for name in ("album/1.png", "album/shut/2.png", "album/locked/3.png", "album/z.png"):
        picture(name)
    Path("album/shut").chmod(0o000)
    Path("album/locked").chmod(0o600)  # names can be listed, and nothing be opened
    try:
        done = as_nobody("predict", model, "noread.png", "b.png", "album", "album/shut/2.png", "--json")
    finally:
        Path("album/shut").chmod(0o700)
        Path("album/locked").chmod(0o700)
    assert done.returncode == 1, done.stderr
    rows = {row["input"]: row.get("error", "") for row in json.loads(done.stdout)}
    assert {name for name, error in rows.items() if not error} == {"b.png", "album/1.png", "album/z.png"}
    assert "cannot read picture noread.png: Permission denied" in rows["noread.png"]
    assert "cannot read the folder album/shut: Permission denied" in rows["album/shut"]
    assert "album/locked/3.png: Permission denied" in rows["album/locked/3.png"]
    assert "album/shut/2.png: Permission denied" in rows["album/shut/2.png"]


def test_an_export_that_nobody_may_enter(model: str) -> None:
    shutil.copytree("exported/brightness", "exported/other")
    Path("exported/brightness").chmod(0o600)
    try:
        for words in (("predict", model, "a.png"), ("verify", model), ("info", model)):
            done = as_nobody(*words)
            assert done.returncode == 1, done.stderr
            assert "exported/brightness/model.onnx: Permission denied" in done.stderr
            assert "you have no permission there" in done.stderr
        listed = as_nobody("list", "exports", "--json")
    finally:
        Path("exported/brightness").chmod(0o700)
    assert listed.returncode == 0, listed.stderr
    summaries = {row["name"]: row["summary"] for row in json.loads(listed.stdout)}
    assert set(summaries) == {"brightness", "other"}
    assert "Permission denied" in summaries["brightness"]


@pytest.mark.parametrize(
    "arguments",
    [("list", "exports"), ("verify", "x"), ("predict", "MODEL", "INPUT", "--out", "r.csv"), ("info", ".")],
)
def test_a_current_folder_that_was_removed(arguments: tuple[str, ...], model: str, here: Path) -> None:
    meant = {"MODEL": str(here / "exported" / "brightness"), "INPUT": str(here / "a.png")}
    words = [meant.get(word, word) for word in arguments]
    script = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"'
    command = ["sh", "-c", script, "sh", sys.executable, "-m", "zoo_core", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1, 2}, done.stderr
    assert "a bug in the zoo" not in done.stderr
    assert "Traceback" not in done.stderr
    if "predict" in arguments:
        assert "the current folder is not there any more" in done.stderr


def test_what_a_path_in_onnx_is_when_it_is_no_file(here: Path, run_zoo: Callable[..., Any]) -> None:
    os.mkfifo("pipe.onnx")
    os.symlink("round.onnx", "round.onnx")
    Path("folder.onnx").mkdir()
    told = {
        "pipe.onnx": (4, "it is a device, pipe or socket"),
        "round.onnx": (1, "links lead round in a circle"),
        "folder.onnx": (1, "this is a folder, not a file"),
        "absent.onnx": (2, "there is no file absent.onnx"),
    }
    for name, (code, words) in told.items():
        done = run_zoo("verify", name)
        assert (done.code, words in done.stderr) == (code, True), done.stderr


def test_the_name_of_a_model_ends_in_onnx(model: str, run_zoo: Callable[..., Any]) -> None:
    for name in ("model.bin", "UPPER.ONNX"):
        shutil.copy("exported/brightness/model.onnx", name)
    done = run_zoo("verify", "model.bin")
    assert (done.code, "the name of a model's file ends in .onnx" in done.stderr) == (2, True)
    assert run_zoo("info", "UPPER.ONNX").code == 0


def test_the_next_command_works_where_a_name_begins_with_a_dash_or_the_report_is_missing(
    model: str, run_zoo: Callable[..., Any]
) -> None:
    shutil.move("exported/brightness", "exported/-dash")
    assert run_zoo("list", "exports").stdout.rstrip().endswith("Next: zoo verify exported/-dash")
    shutil.copytree("exported/-dash", "-dash")
    done = run_zoo("predict", "--", "-dash", "a.png")
    assert "Next: zoo verify ./-dash" in done.stdout
    shutil.copytree("-dash", "lost")
    Path("lost/report.json").unlink(missing_ok=True)
    Path("lost/netron.json").write_text("{}")
    assert "Next: zoo verify lost/model.onnx" in run_zoo("predict", "lost", "a.png").stdout


def test_without_stderr_nothing_is_said_on_stdout(model: str) -> None:
    command = ["sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-m", "zoo_core"]
    for words in (("predict", model, "a.png", "absent.png", "--json"), ("list", "--json", "models")):
        done = subprocess.run([*command, *words], stdout=subprocess.PIPE, text=True, check=False)
        json.loads(done.stdout)
    done = subprocess.run([*command, "verify", "absent"], stdout=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")


def test_an_option_that_nothing_is_like(run_zoo: Callable[..., Any]) -> None:
    assert "Did you mean" not in run_zoo("predict", "x", "--bogus").stderr
    assert "--threshold" in run_zoo("predict", "x", "--treshold").stderr
