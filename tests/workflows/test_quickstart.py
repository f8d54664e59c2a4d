"""The first command of all, and the finished sample in the repository."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from warm import Result

from zoo_core import ZooError
from zoo_core.workflows.quickstart import zoo_without_torch

RunZoo = Callable[..., Result]
SAMPLE = Path(__file__).parents[2] / "exported" / "lenet5-digits"


def test_quickstart_does_the_whole_job_twice(tmp_path: Path, run_zoo: RunZoo) -> None:
    done = run_zoo("quickstart", "--json", cold=True)  # as everybody's first command
    assert done.code == 0, done.stderr
    assert set(done.json) == {"train", "export", "verify", "predictions"}
    assert done.json["train"]["run"] == "quickstart"
    assert done.json["train"]["test"]["accuracy"] >= 0.97
    assert done.json["export"]["outcome"] == done.json["verify"]["outcome"] == "verified"
    assert done.json["export"]["path"] == "exported/quickstart"
    truth = {"zero": "0", "two": "2", "three": "3", "five": "5", "seven": "7", "nine": "9"}
    read = {Path(p["input"]).stem: p["label"] for p in done.json["predictions"]}
    assert read == truth
    again = run_zoo("quickstart", "--epochs", "1")
    assert again.code == 0, again.stderr
    assert "Test accuracy" in again.stdout
    assert "zoo view quickstart" in again.stdout
    assert [p.name for p in (tmp_path / "runs").iterdir()] == ["quickstart"]
    assert [p.name for p in (tmp_path / "exported").iterdir()] == ["quickstart"]


@pytest.mark.parametrize("seed", ["-1", "9" * 23])
def test_a_seed_that_is_none_is_a_usage_error(seed: str, zoo_here: RunZoo, tmp_path: Path) -> None:
    done = zoo_here("quickstart", "--seed", seed)
    assert done.code == 2
    assert done.stderr.startswith("Error: Invalid value for '--seed'")
    assert not list(tmp_path.iterdir())


def test_quickstart_does_not_replace_what_is_not_its_own(tmp_path: Path, run_zoo: RunZoo) -> None:
    mine = tmp_path / "runs" / "quickstart" / "thesis.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("years of work")
    done = run_zoo("quickstart", "--epochs", "1")
    assert done.code == 2
    assert "exists and is not a run" in done.stderr
    assert mine.read_text() == "years of work"


def test_what_fails_without_torch_is_told() -> None:
    with pytest.raises(ZooError, match=r"zoo verify failed without torch: Error: .*no-such-export"):
        zoo_without_torch("verify", "no-such-export", "--json")


def test_the_sample_in_the_repository_is_still_read(tmp_path: Path) -> None:
    """Made once, by an earlier version: today's code must go on reading it, with torch out of reach."""
    assert sum(p.stat().st_size for p in SAMPLE.rglob("*") if p.is_file()) < 400_000
    bundle = shutil.copytree(SAMPLE, tmp_path / "sample")
    report = zoo_without_torch("verify", str(bundle), "--json")
    assert report["outcome"] == "verified"
    assert report["name"] == "lenet5-digits"
    pictures = sorted((SAMPLE.parent.parent / "zoo_plugins" / "digits" / "samples").glob("*.png"))
    labels = [p["label"] for p in zoo_without_torch("predict", str(bundle), *map(str, pictures), "--json")]
    assert labels == ["5", "9", "7", "3", "2", "0"]
    measured = zoo_without_torch("eval", f"export:{bundle}", "--dataset", "digits", "--json")
    assert measured["metrics"]["accuracy"] >= 0.97
    assert (measured["n"], measured["split"]) == (360, "test")
