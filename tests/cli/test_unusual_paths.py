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
