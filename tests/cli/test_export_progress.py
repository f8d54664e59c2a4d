"""What a terminal sees of the stages of an export, and what a log file sees."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import sys
from collections.abc import Iterator

import pytest

from zoo_core.cli.export_progress import StageProgress


@contextlib.contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A terminal in the place of stderr; the side that shows what was written to it."""
    ours, theirs = pty.openpty()
    with monkeypatch.context() as patch, os.fdopen(theirs, "w", encoding="utf-8") as stream:
        patch.setenv("TERM", "xterm")
        patch.setenv("COLUMNS", "100")
        patch.setattr(sys, "stderr", stream)
        yield ours
    os.close(ours)


def shown(ours: int) -> str:
    os.set_blocking(ours, False)
    parts = []
    try:
        while part := os.read(ours, 65536):
            parts.append(part)
    except BlockingIOError:
        pass
    return b"".join(parts).decode()


def test_a_terminal_sees_each_stage_with_its_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as ours:
        with StageProgress() as progress:
            progress("converting to [ONNX]")
            progress("publishing")
        text = shown(ours)
    assert re.search(r"✓ converting to \[ONNX\] +\d+\.\d s", text_only(text))
    assert re.search(r"✓ publishing +\d+\.\d s", text_only(text))


def text_only(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)


def fail() -> None:
    with StageProgress() as progress:
        progress("converting")
        raise ValueError("broken")


def test_a_stage_that_fails_is_not_ticked_off(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as ours:
        with pytest.raises(ValueError, match="broken"):
            fail()
        text = shown(ours)
    assert "converting" in text
    assert "✓" not in text


def test_a_log_sees_plain_lines_and_stdout_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with StageProgress() as progress:
        progress("converting")
        progress("publishing")
    found = capsys.readouterr()
    assert found.err == "converting ...\npublishing ...\n"
    assert found.out == ""
