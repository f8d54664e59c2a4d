"""Tasks of third parties, from training to predictions; and files whose task nobody has installed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from height_plugin import ALONE, OFFERS_TASK, changed
from height_plugin import TRAIN as HEIGHTS

from zoo_core import ZooError
from zoo_core.runtime import open_model

Zoo = Callable[..., Any]

TRAIN = (*HEIGHTS[:-4], "--epochs", "40", "-t", "lr=0.1")


def test_a_task_of_a_plugin_is_trained_exported_measured_and_asked(
    run_zoo: Zoo, fake_distribution: Callable[..., Path], site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_distribution("zoo-height", files=ALONE)
    listed = run_zoo("list", "tasks", "--plugin", "zoo-height", "--json").json
    assert [(row["name"], row["kind"]) for row in listed] == [("height", "task")]
    told = run_zoo("info", "height").stdout
    assert "best epoch  by largest" in told
    assert "offered     1 model, 1 dataset" in told
    trained = run_zoo(*TRAIN)
    assert trained.code == 0, trained.stderr
    assert "largest" in trained.stderr
    rows = [json.loads(line) for line in (tmp_path / "runs/heights/metrics.jsonl").read_text().splitlines()]
    record = json.loads((tmp_path / "runs/heights/run.json").read_text())
    assert record["selection"] == "-largest"
    assert record["best_epoch"] == min(rows, key=lambda row: row["validation"]["largest"])["epoch"]
    exported = run_zoo("export", "heights")
    assert exported.code == 0, exported.stdout + exported.stderr
    assert "within their bounds" in exported.stdout
    measured = [run_zoo("eval", f"{kind}:heights", "--json").json["metrics"] for kind in ("run", "export")]
    assert measured[1] == pytest.approx(measured[0], rel=1e-4)
    (tmp_path / "row.csv").write_text("1,1,1\n")
    answered = run_zoo("predict", "heights", "row.csv", "--json").json
    assert answered[0]["metres"] == pytest.approx(2, abs=1)
    assert f"{answered[0]['metres']:.2f} m" in run_zoo("predict", "heights", "row.csv").stdout
    run_zoo("predict", "heights", "row.csv", "--out", "answers.csv")
    assert (tmp_path / "answers.csv").read_text().startswith("input,metres,error\nrow.csv[0],")
    _without_its_plugin(run_zoo, site, tmp_path)


def _without_its_plugin(run_zoo: Zoo, site: Path, tmp_path: Path) -> None:
    """Somebody else has the file, and not the plugin."""
    shutil.rmtree(site)
    refused = run_zoo("predict", "heights", "row.csv")
    assert refused.code == 1
    assert "the task 'height' comes from plugin zoo-height:zoo-height, which is not installed" in refused.stderr
    assert "pip install zoo-height" in refused.stderr
    verified = run_zoo("verify", "heights")
    assert verified.code == 0, verified.stdout + verified.stderr
    model = open_model(tmp_path / "exported" / "heights")
    assert model.run({"values": np.ones((1, 3), np.float32)})["height"].shape == (1, 1)
    with pytest.raises(ZooError, match="the task 'height' comes from plugin zoo-height:zoo-height"):
        _ = model.meaning


def test_a_task_that_nobody_offers_is_told_when_it_is_used(
    run_zoo: Zoo, fake_distribution: Callable[..., Path]
) -> None:
    code = ALONE["__init__.py"].removeprefix(OFFERS_TASK)
    fake_distribution("zoo-height", code.replace('task="height"', 'task="heigth"'))
    assert "heigth" in run_zoo("list", "models", "ruler").stdout
    for command in (TRAIN, ("export", "ruler")):
        refused = run_zoo(*command)
        assert refused.code == 2, refused.stderr
        assert "Error: unknown task 'heigth'" in refused.stderr
    broken = run_zoo("check", "ruler", "--rule", "task-is-offered")
    assert broken.code == 3
    assert "unknown task 'heigth'" in broken.stdout


def test_an_implementation_that_is_no_task_is_told(run_zoo: Zoo, fake_distribution: Callable[..., Path]) -> None:
    change = ("__init__.py", "return Height(spec)", "from .task import Largest; return Largest()")
    fake_distribution("zoo-height", files=changed(ALONE, change))
    refused = run_zoo(*TRAIN)
    assert refused.code == 1
    assert "Error: the task 'height' is implemented by a Largest" in refused.stderr


@pytest.mark.parametrize(
    ("old", "words"),
    [
        ('targets="numbers"', "targets cannot be 'heights'"),
        ('selection="largest"', "selection 'heights' is none of its metrics"),
        ('"largest": "less"', "metric 'largest' is better with 'more' or with 'less'"),
    ],
)
def test_a_spec_that_makes_no_sense_is_the_plugins_problem(
    run_zoo: Zoo, fake_distribution: Callable[..., Path], old: str, words: str
) -> None:
    before, _, _ = old.rpartition('"less"')
    wrong = f'{before}"heights"' if before else old.partition("=")[0] + '="heights"'
    fake_distribution("zoo-height", files=changed(ALONE, ("__init__.py", old, wrong)))
    rows = {row["id"]: row for row in run_zoo("plugins", "--json").json}
    assert rows["zoo-height:zoo-height"]["status"] == "broken"
    assert words in rows["zoo-height:zoo-height"]["problem"]
