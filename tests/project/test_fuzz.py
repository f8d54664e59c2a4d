"""A bad input never ends with exit code 70: damaged files for every reader, of which each is read or refused in words.

`benchmarks/fuzz.py` prints the same as a table, for as many files as one likes.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Result
from fuzzed import fuzz, readers
from hostile_files import run_record
from picture_files import half

READERS = readers()


@pytest.mark.parametrize("name", READERS)
def test_what_is_damaged_is_refused_in_words(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = fuzz(READERS[name], tmp_path, examples=25)
    assert not done.otherwise
    assert done.refused, "nothing was damaged"


COMMANDS = {
    "metadata": ("predict", "model.onnx", "picture.png"),
    "ONNX, fields": ("verify", "model.onnx"),
    "report.json": ("list", "exports"),
    "run.json": ("list", "runs"),
    "metrics.jsonl": ("eval", "runs/b"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_ends_with_a_documented_code(name: str, tmp_path: Path, zoo_here: Callable[..., Result]) -> None:
    half(tmp_path / "picture.png")
    (tmp_path / "runs" / "b").mkdir(parents=True)
    (tmp_path / "runs" / "b" / "run.json").write_text(json.dumps(run_record()))
    codes = set()

    def run(path: Path) -> None:
        done = zoo_here(*COMMANDS[name])
        codes.add(done.code)
        assert done.code in {0, 1, 2, 3, 4}, done.stderr

    done = fuzz(dataclasses.replace(READERS[name], read=run), tmp_path, examples=6)
    assert not done.otherwise
    assert codes - {2}, "the command was not typed as it should be"


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_many_more_of_them(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = fuzz(READERS[name], tmp_path, examples=600, start=3)
    assert not done.otherwise
    assert done.accepted, "everything is refused, so that the damage is always of one kind"
