"""`zoo sweep`: what a space may say, and searches that are stopped, gone on with and shared."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Zoo = Callable[..., Any]
SPACE = """
[trainer_options]
lr = {low = 1e-3, high = 0.1, log = true}
batch_size = [16, 32]
optimizer = "sgd"
"""
SMALL = ("mlp", "space.toml", "--dataset", "digits", "-d", "train_size=60", "-o", "hidden=8", "--sweep", "few")


def sweep_cold(folder: Path, *more: str, in_background: bool = False) -> subprocess.Popen[str]:
    """A sweep in a process that can be sent signals; `in_background`: as `&` in a script, where SIGINT is ignored."""
    before = ["sh", "-c", 'trap "" INT; exec "$@"', "sh"] if in_background else []
    command = [*before, sys.executable, "-P", "-m", "zoo_core", "sweep", *SMALL, *more]
    return subprocess.Popen(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def sweep_to_its_end(folder: Path, *more: str) -> dict[str, Any]:
    process = sweep_cold(folder, *more, "--json")
    stdout, stderr = process.communicate(timeout=600)
    assert process.returncode == 0, stderr
    found: dict[str, Any] = json.loads(stdout)
    return found


def without_times(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key != "seconds"} for row in report["trials"]]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("lr = ", "space.toml is no TOML"),
        ("[trainer]\nlr = [1, 2]", "'trainer', which is no table of a space"),
        ("epochs = [1, 2]", "'epochs', which is no table of a space"),
        ("[trainer_options]\nlr = 0.1", "nothing varies in space.toml"),
        ("[trainer_options]\nlr = [0.1]", "lr needs at least two values, each once, not [0.1]"),
        ("[trainer_options]\nlr = [0.1, 0.1]", "lr needs at least two values, each once"),
        ("[trainer_options]\nlr = {low = 0.1}", "lr has no high"),
        ("[trainer_options]\nlr = {low = 0.1, high = 1, scale = 2}", "lr has 'scale'"),
        ("[trainer_options]\nlr = {low = 0.1, high = 'much'}", "lr has a bound that is no number"),
        ("[trainer_options]\nlr = {low = 0.1, high = 1, log = 'yes'}", 'lr has a log of "yes"'),
        ("[trainer_options]\nlr = {low = 0.1, high = inf}", "lr has a bound that is no number\n"),
        ("lr = [0.1, 0.2]", "each option is below one of them"),
        ("epochs = [1, 2]", "it is the same for all trials, and typed: --epochs"),
        ("[trainer_options]\nlrr = [0.1, 0.2]", "has no option 'lrr'\nHint: Did you mean 'lr'?"),
        (
            "[trainer_options]\noptimizer = ['sgd', 'addam']",
            "optimizer cannot be 'addam'\nHint: Did you mean 'adam' or 'adamw'?",
        ),
        ("[trainer_options]\nbatch_size = [32, 'x']", "batch_size takes int, not 'x'"),
        ("[model_options]\nhidden = [8, 16]", "hidden is given twice, with -o and in the space"),
        ("[dataset_options]\ntrain_sizes = [8, 16]", "dataset digits has no option 'train_sizes'"),
        ("[trainer_options]\nlr = {low = 1, high = 0.1}", "lr has a low of 1, which is not below its high of 0.1"),
        ("[trainer_options]\nlr = {low = 0, high = 0.1, log = true}", "lr has log, for which low is above 0"),
        (
            "[trainer_options]\nlr = {low = 0.1, high = 0.2, step = 1}",
            "lr has a step of 1, which is more than it is long",
        ),
    ],
)
def test_a_space_that_says_nothing_useful(zoo_here: Zoo, tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "space.toml").write_text(text)
    done = zoo_here("sweep", *SMALL)
    assert (done.code, told in done.stderr) == (2, True), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["space.toml"]


def test_a_space_that_is_not_there(zoo_here: Zoo) -> None:
    done = zoo_here("sweep", *SMALL)
    assert (done.code, "cannot read space.toml" in done.stderr) == (1, True), done.stderr


def test_what_no_training_can_be_begun_with_is_told_before_the_first_trial(zoo_here: Zoo, tmp_path: Path) -> None:
    (tmp_path / "space.toml").write_text("[dataset_options]\nval_size = [5000, 6000]")
    done = zoo_here("sweep", *SMALL)
    assert (done.code, "no training can be begun: dataset digits" in done.stderr) == (1, True), done.stderr
    assert "val_size=5000 --dry-run tells more; nothing was kept" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["space.toml"]


@pytest.mark.parametrize("name", ["../out", "", ".hidden", "a\nb"])
def test_a_name_that_is_none(zoo_here: Zoo, tmp_path: Path, name: str) -> None:
    (tmp_path / "space.toml").write_text(SPACE)
    done = zoo_here("sweep", *SMALL[:-1], name)
    assert done.code == 2, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["space.toml"]


def test_a_sweep_is_told_and_drawn_and_not_mixed_with_another(tmp_path: Path) -> None:
    (tmp_path / "space.toml").write_text(SPACE)
    found = sweep_to_its_end(tmp_path, "--trials", "2", "--epochs", "2")
    assert (found["metric"], len(found["trials"])) == ("accuracy", 2)
    assert found["best"]["value"] == max(row["value"] for row in found["trials"])
    assert {row["state"] for row in found["trials"]} == {"complete"}
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["few-000", "few-001"]
    assert (
        f"-t lr={json.loads((tmp_path / 'runs' / found['best']['run'] / 'run.json').read_text())['config']['lr']}"
        in (found["command"])
    )
    with Image.open(tmp_path / found["picture"]) as picture:
        assert picture.width > 1000
    (tmp_path / "space.toml").write_text(SPACE.replace("[16, 32]", "[16, 64]"))
    other = sweep_cold(tmp_path, "--trials", "2", "--epochs", "2")
    _, stderr = other.communicate(timeout=100)
    assert other.returncode == 2
    assert "sweep 'few' exists, and was asked otherwise: its space was " in stderr
    assert "batch_size = [16, 32], and is " in stderr
    assert "batch_size = [16, 64] now" in stderr


def test_a_value_with_which_numbers_end_is_a_trial_that_fails(tmp_path: Path) -> None:
    (tmp_path / "space.toml").write_text("[trainer_options]\nlr = [1e30, 0.01]")
    found = sweep_to_its_end(tmp_path, "--trials", "2", "--epochs", "1", "--sweep", "of two", "--seed", "4")
    assert {row["state"] for row in found["trials"]} == {"fail", "complete"}
    assert {row["options"]["-t lr"] for row in found["trials"] if row["state"] == "fail"} == {"1e+30"}
    assert found["best"]["run"].startswith("of two-")


@pytest.mark.slow  # nine trainings in processes of their own
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_sweep_ends_as_one_that_was_not(tmp_path: Path, how: signal.Signals) -> None:
    folders = [tmp_path / name for name in ("whole", "stopped")]
    for folder in folders:
        folder.mkdir()
        (folder / "space.toml").write_text(SPACE)
    asked = ("--trials", "3", "--epochs", "40", "--no-prune")
    whole = sweep_to_its_end(folders[0], *asked)
    process = sweep_cold(folders[1], *asked)
    rows = folders[1] / "runs" / "few-001" / "metrics.jsonl"
    while process.poll() is None and not (rows.is_file() and rows.read_bytes().count(b"\n") > 2):
        time.sleep(0.02)
    process.send_signal(how)
    _, told = process.communicate(timeout=100)
    assert ("To continue: the same command." in told) == (how == signal.SIGINT)
    assert process.returncode == (130 if how == signal.SIGINT else -how)
    stopped = sweep_to_its_end(folders[1], *asked)
    while stopped["trials"][1]["state"] == "running":  # of a training whose sweep was killed, and that goes on alone
        time.sleep(0.5)
        stopped = sweep_to_its_end(folders[1], *asked)
    assert without_times(stopped) == without_times(whole)


@pytest.mark.slow
def test_two_processes_share_a_sweep_and_hopeless_trials_end_early(tmp_path: Path) -> None:
    (tmp_path / "space.toml").write_text(SPACE.replace("1e-3", "1e-7"))
    asked = ("--trials", "12", "--epochs", "20")
    sharing = [sweep_cold(tmp_path, *asked, in_background=True) for _ in range(2)]
    for process in sharing:
        _, stderr = process.communicate(timeout=1200)
        assert process.returncode == 0, stderr
    found = sweep_to_its_end(tmp_path, *asked, "--processes", "2")
    states = [row["state"] for row in found["trials"]]
    assert len(states) == 12
    assert set(states) == {"complete", "pruned"}
    assert all(row["epochs"] < 20 for row in found["trials"] if row["state"] == "pruned")
    assert set(found["importance"]) == {"-t lr", "-t batch_size"}
    assert len(os.listdir(tmp_path / "runs")) == 12
