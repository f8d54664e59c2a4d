"""An export whose run was resumed, extended or trained anew: who predicts and measures with it is told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Zoo = Callable[..., Any]
SAID = "Warning: run 'lenet5-digits' has other weights than when this file was made of it (validation loss 0.0123 now, "


@pytest.fixture
def pair(workplace: Path) -> Path:
    """A folder with a run, its export, and a picture to predict."""
    Image.new("L", (28, 28), 255).save(workplace / "a.png")
    return workplace


def gone_on(folder: Path, **validation: float) -> None:
    """Other numbers of the best epoch, as more epochs give them."""
    record = folder / "runs" / "lenet5-digits" / "run.json"
    data = json.loads(record.read_text())
    record.write_text(json.dumps({**data, "validation": {**data["validation"], **validation}}))


@pytest.mark.parametrize("words", [("predict", "lenet5-digits", "a.png"), ("eval", "export:lenet5-digits")])
def test_a_run_that_has_gone_on_since_its_export_is_told_of(run_zoo: Zoo, pair: Path, words: tuple[str, ...]) -> None:
    fresh = run_zoo(*words)
    assert (fresh.code, "Warning" in fresh.stderr) == (0, False), fresh.stderr
    gone_on(pair, loss=0.0123)
    done = run_zoo(*words)
    assert done.code == 0, done.stderr
    assert (done.stdout, done.stderr.count("Warning")) == (fresh.stdout, 1)
    assert SAID in done.stderr
    assert "then); zoo export lenet5-digits makes it anew\n" in done.stderr


def test_it_is_seen_from_any_folder_and_not_where_nobody_can_know(run_zoo: Zoo, pair: Path) -> None:
    gone_on(pair, loss=0.0123)
    elsewhere = pair / "elsewhere"
    elsewhere.mkdir()
    assert SAID in run_zoo("predict", pair / "exported" / "lenet5-digits", "../a.png", cwd=elsewhere).stderr
    shutil.copytree(pair / "exported" / "lenet5-digits", elsewhere / "copy")
    assert "Warning" not in run_zoo("predict", "copy", "../a.png", cwd=elsewhere).stderr
    (pair / "runs" / "lenet5-digits" / "run.json").write_text("{")
    assert "Warning" not in run_zoo("predict", "lenet5-digits", "a.png").stderr
