"""What a terminal sees of a long prediction whose rows go into a file."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from onnx_files import write_brightness
from PIL import Image

PROGRAM = Path(sys.executable).with_name("zoo")


@pytest.mark.parametrize(("count", "shown"), [(30, True), (3, False)])
def test_a_bar_on_a_terminal(count: int, shown: bool, here: Path) -> None:
    write_brightness(here)
    Path("many").mkdir()
    for number in range(count):
        Image.new("L", (4, 4)).save(f"many/{number}.png")
    ours, theirs = pty.openpty()
    command = [PROGRAM, "predict", "brightness", "many", "--out", "r.csv"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, env=environment, check=False)
    os.close(theirs)
    text = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux says so that nobody writes any more
            break
        if not part:
            break
        text += part
    os.close(ours)
    assert done.returncode == 0
    assert done.stdout.decode().startswith(f"{count} of {count} predicted: r.csv\n")
    assert (b"predicting" in text and b"/30" in text and b"/s " in text) == shown
