"""Tasks of third parties, from training to predictions; and files whose task nobody has installed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo_core import ZooError
from zoo_core.runtime import open_model

Zoo = Callable[..., Any]

TASK = """
    from zoo_core import DatasetSpec, ModelSpec, TaskSpec, TensorSpec, hookimpl

    def load_task(spec):
        import numpy as np

        from zoo_core import ZooError
        from zoo_core.tasks import Task

        class Largest:
            def __init__(self):
                self.errors = []

            def add(self, outputs, targets):
                self.errors.append(np.abs(outputs["height"] - targets).astype(np.float64))

            def metrics(self):
                if not self.errors:
                    raise ZooError("there are no samples to measure")
                errors = np.concatenate(self.errors)
                return {"loss": float(errors.mean()), "largest": float(errors.max())}

            def details(self, labels):
                return {}

        class Height(Task):
            def tally(self):
                return Largest()

            def decode(self, outputs, *, labels):
                return [{"metres": float(value)} for value in outputs["height"][:, 0]]

            def in_words(self, answer):
                return f"{answer['metres']:.2f} m"

            def columns(self, *, labels, outputs):
                return ("metres",)

            def cells(self, answer):
                return {"metres": answer["metres"]}

            def loss(self, *, name=None, label_smoothing=0.0):
                return lambda outputs, targets: (outputs["height"] - targets).abs().mean()

        return Height(spec)

    def build():
        from torch import nn

        return nn.Linear(3, 1)

    def load_data(root, *, split, download):
        import numpy as np

        from zoo_core.data import ArraySplit

        random = np.random.default_rng(["train", "test"].index(split))
        values = random.normal(size=(120, 3)).astype(np.float32)
        return ArraySplit(inputs=values, targets=values @ np.array([1, 2, -1], np.float32))

    INPUTS = {"values": TensorSpec("N", 3)}

    @hookimpl
    def zoo_tasks():
        yield TaskSpec(
            name="height", summary="how high something is", load=load_task, targets="numbers",
            metrics={"loss": "less", "largest": "less"}, selection="largest", loss="mean absolute error",
        )

    @hookimpl
    def zoo_models():
        yield ModelSpec(
            name="ruler", build=build, task="height", summary="a ruler", inputs=INPUTS,
            outputs={"height": TensorSpec("N", 1)},
        )

    @hookimpl
    def zoo_datasets():
        yield DatasetSpec(name="heights", load=load_data, task="height", summary="heights", inputs=INPUTS)
"""
TRAIN = ("train", "ruler", "--dataset", "heights", "--run", "heights", "--epochs", "20", "-t", "lr=0.1")


def test_a_task_of_a_plugin_is_trained_exported_measured_and_asked(
    run_zoo: Zoo, fake_distribution: Callable[..., Path], site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_distribution("zoo-height", TASK)
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
    code = TASK.partition("    @hookimpl\n    def zoo_tasks")[0] + "    @hookimpl\n    def zoo_models"
    code += TASK.partition("    @hookimpl\n    def zoo_models")[2]
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
    fake_distribution("zoo-height", TASK.replace("return Height(spec)", "return Largest()"))
    refused = run_zoo(*TRAIN)
    assert refused.code == 1
    assert "Error: the task 'height' is implemented by a Largest" in refused.stderr


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ('targets="numbers"', "targets cannot be 'heights'"),
        ('selection="largest"', "selection 'heights' is none of its metrics"),
        ('"largest": "less"', "metric 'largest' is better with 'more' or with 'less'"),
    ],
)
def test_a_spec_that_makes_no_sense_is_the_plugins_problem(
    run_zoo: Zoo, fake_distribution: Callable[..., Path], changed: str, words: str
) -> None:
    before, _, _ = changed.rpartition('"less"')
    wrong = f'{before}"heights"' if before else changed.partition("=")[0] + '="heights"'
    fake_distribution("zoo-height", TASK.replace(changed, wrong))
    rows = {row["id"]: row for row in run_zoo("plugins", "--json").json}
    assert rows["zoo-height:zoo-height"]["status"] == "broken"
    assert words in rows["zoo-height:zoo-height"]["problem"]
