"""`zoo COMMAND | true`: a reader that goes away at once ends a command quietly, whatever it prints and however much."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from onnx_files import write_brightness
from PIL import Image


@pytest.fixture
def album(here: Path) -> Path:
    write_brightness(here)
    Path("album").mkdir()
    for number in range(4):
        Image.new("L", (6, 6), 200).save(f"album/{'name of a picture' * 10}-{number}.png")
    Path("album/bad.png").write_text("no picture")
    Path("many").write_text("album/bad.png\n" * 600)
    return here


def into_nothing(*words: str, both: bool = False) -> tuple[int, str]:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "zoo_core", *words],
            input=Path("many").read_bytes(),  # for `predict E -`
            stdout=write,
            stderr=write if both else subprocess.PIPE,
            check=False,
            timeout=120,
        )
    finally:
        os.close(write)
    return done.returncode, "" if both else done.stderr.decode()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("--help", 0),
        ("list", 0),
        ("list --json", 0),
        ("list exports", 0),
        ("info brightness", 0),
        ("info lenet5 --json", 0),
        ("plugins", 0),
        ("predict --help", 0),
        ("predict brightness album/name*", 0),
        ("predict brightness -", 0),  # more than is held back, so that a row meets the closed pipe
        ("predict brightness - --json", 0),
        ("predict brightness album", 1),  # the error of a row, and little enough that only the end meets it
        ("no-such-command", 2),
    ],
)
def test_a_reader_that_goes_away_ends_a_command_quietly(words: str, code: int, album: Path) -> None:
    found, stderr = into_nothing(*words.split())
    assert "Traceback" not in stderr
    assert "Error: a bug" not in stderr
    assert found == code, stderr


def test_also_where_errors_go_the_same_way(album: Path) -> None:
    assert into_nothing("no-such-command", both=True)[0] == 2
    assert into_nothing("predict", "brightness", "album", both=True)[0] == 1
