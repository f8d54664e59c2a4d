"""What a terminal sees of the stages of an export, and what a log file sees."""

from __future__ import annotations

import re

import pytest
from terminals import shown, terminal, text_only

from zoo_core.cli.export_progress import StageProgress


def test_a_terminal_sees_each_stage_with_its_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as ours:
        with StageProgress() as progress:
            progress("converting to [ONNX]")
            progress("publishing")
        text = shown(ours)
    assert re.search(r"✓ converting to \[ONNX\] +\d+\.\d s", text_only(text))
    assert re.search(r"✓ publishing +\d+\.\d s", text_only(text))


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
