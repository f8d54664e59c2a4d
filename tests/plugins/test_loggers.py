"""What listens to a training: curves for TensorBoard, runs in MLflow. A broken listener is muted: test_registry."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from warm import Result

from zoo_core import ZooError, load_run
from zoo_core.installation import install_command

Zoo = Callable[..., Result]

needs_tensorboard = pytest.mark.skipif(
    importlib.util.find_spec("tensorboard") is None, reason="tensorboard is not installed"
)
needs_mlflow = pytest.mark.skipif(importlib.util.find_spec("mlflow") is None, reason="mlflow is not installed")
ROOT = Path(__file__).parents[2]
SMALL = ("train", "lenet5", "--dataset", "digits", "-d", "train_size=200")
ON = {"ZOO_TENSORBOARD": "1"}


def curves(run: Path) -> Any:
    """The run's folder as TensorBoard itself reads it."""
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    accumulator = reader.EventAccumulator(str(run / "tensorboard"))
    accumulator.Reload()
    return accumulator


@needs_tensorboard
def test_curves_for_tensorboard(run_zoo: Zoo, tmp_path: Path) -> None:
    result = run_zoo("train", "lenet5", "--dataset", "digits", "--epochs", "2", "--json", env=ON)
    assert result.code == 0, result.stderr
    folder = tmp_path / "runs" / "lenet5-digits"
    run, read = load_run(folder), curves(folder)
    tags = read.Tags()
    assert {"loss/train", "loss/validation", "accuracy/validation", "accuracy/test", "learning_rate"} <= set(
        tags["scalars"]
    )
    for split in ("train", "validation"):
        found = [(point.step, point.value) for point in read.Scalars(f"loss/{split}")]
        assert found == [(row.epoch, pytest.approx(getattr(row, split)["loss"])) for row in run.rows]
    assert [point.step for point in read.Scalars("learning_rate")] == [1, 2]
    (test,) = read.Scalars("accuracy/test")
    assert (test.step, test.value) == (run.info.best_epoch, pytest.approx(result.json["test"]["accuracy"]))
    assert {"run/text_summary", "config/text_summary", "options/text_summary"} <= set(tags["tensors"])
    text = read.Tensors("run/text_summary")[0].tensor_proto.string_val[0].decode()
    assert '| model | "lenet5" |' in text
    assert str(tmp_path) not in (folder / "tensorboard" / "events.out.tfevents.0.zoo").read_text(errors="replace")


STOPPER = """
from zoo_core import hookimpl

@hookimpl
def zoo_epoch_ended(run, row):
    if row.epoch == 2:
        raise KeyboardInterrupt
"""


@needs_tensorboard
@pytest.mark.parametrize("name", ["a-stopper", "zz-stopper"])
def test_a_resumed_run_goes_on_in_the_same_curves(
    name: str,
    zoo_here: Zoo,
    site: Path,
    tmp_path: Path,
    fake_distribution: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Plugins are told in the order of their distributions: the one is stopped before the curves have epoch 2.
    fake_distribution(name, STOPPER)
    monkeypatch.setenv("ZOO_TENSORBOARD", "1")
    assert zoo_here(*SMALL, "--epochs", "3", "--run", "r").code == 130
    folder = tmp_path / "runs" / "r"
    steps = [point.step for point in curves(folder).Scalars("loss/train")]
    assert steps == ([1] if name == "a-stopper" else [1, 2])
    with (folder / "tensorboard" / "events.out.tfevents.0.zoo").open("ab") as file:
        file.write(b"\x10\0\0\0\0\0\0\0half a record")
    shutil.rmtree(site)
    done = zoo_here(*SMALL[:4], "--run", "r", "--resume")
    assert done.code == 0, done.stderr
    read = curves(folder)
    assert [point.step for point in read.Scalars("loss/train")] == [1, 2, 3]
    rows = load_run(folder).rows
    assert [point.value for point in read.Scalars("loss/validation")] == pytest.approx(
        [row.validation["loss"] for row in rows]
    )


@needs_tensorboard
def test_a_run_that_was_started_without_the_switch(
    zoo_here: Zoo, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo_plugins.tensorboard import zoo_epoch_ended

    run = load_run(workplace / "runs" / "lenet5-digits")
    monkeypatch.chdir(workplace)
    monkeypatch.setenv("ZOO_TENSORBOARD", "1")
    for row in (run.rows[2], run.rows[2], run.rows[3], run.rows[1]):
        zoo_epoch_ended(run=run.info, row=row)
    assert [point.step for point in curves(run.path).Scalars("loss/train")] == [1, 2, 3, 4]
    elsewhere = dataclasses.replace(run.info, name="moved")
    with pytest.raises(ZooError, match=r"run 'moved' is not in runs/: its curves are not written"):
        zoo_epoch_ended(run=elsewhere, row=run.rows[0])


def test_without_the_package_training_goes_on_with_one_warning(run_zoo: Zoo, site: Path) -> None:
    site.mkdir()
    (site / "tensorboard.py").write_text("raise ModuleNotFoundError(\"No module named 'tensorboard'\")\n")
    result = run_zoo(*SMALL, "--epochs", "2", env=ON)
    assert result.code == 0, result.stderr
    warnings = [line for line in result.stderr.splitlines() if line.startswith("Warning:")]
    assert len(warnings) == 1
    assert "curves for TensorBoard need the package tensorboard" in warnings[0]
    assert install_command("tensorboard") in warnings[0]


def test_without_the_switch_nothing_is_written_or_loaded(run_zoo: Zoo, tmp_path: Path) -> None:
    result = run_zoo(*SMALL, "--epochs", "1", env={"ZOO_TENSORBOARD": None})
    assert result.code == 0, result.stderr
    assert not (tmp_path / "runs" / "lenet5-digits" / "tensorboard").exists()
    code = (
        "import sys, zoo_plugins.tensorboard as plugin\n"
        "plugin.zoo_epoch_ended(run=None, row=None)\n"
        "plugin.zoo_trained(run=None, result=None)\n"
        "print(sorted({'torch', 'tensorboard', 'google'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


MLFLOW = ROOT / "examples" / "zoo-mlflow"
READ = """
import json, sys
from mlflow import MlflowClient
client = MlflowClient(tracking_uri="sqlite:///mlflow.db")
found = client.search_runs([client.get_experiment_by_name("zoo").experiment_id])
for run in found:
    names = [item.path for item in client.list_artifacts(run.info.run_id, "export/lenet5-digits")]
    losses = [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, "validation/loss")]
    print(json.dumps([run.info.status, run.data.params, losses, run.data.metrics["test/accuracy"], names]))
"""


@needs_mlflow
def test_the_example_logs_a_run_and_its_export_to_mlflow(
    run_zoo: Zoo, fake_distribution: Callable[..., Path], tmp_path: Path
) -> None:
    code = MLFLOW.joinpath("zoo_mlflow.py").read_text(encoding="utf-8")
    fake_distribution("zoo-mlflow", code, entries={"mlflow": "zoo_mlflow"})
    for command in ((*SMALL, "--epochs", "2", "--json"), ("export", "lenet5-digits", "--json")):
        result = run_zoo(*command, env={"MLFLOW_TRACKING_URI": None, "MLFLOW_EXPERIMENT_NAME": None})
        assert result.code == 0, result.stderr
        assert "Warning" not in result.stderr
    done = subprocess.run([sys.executable, "-c", READ], cwd=tmp_path, capture_output=True, text=True, check=True)
    status, params, losses, accuracy, names = json.loads(done.stdout)
    run = load_run(tmp_path / "runs" / "lenet5-digits")
    assert (status, params["model"], params["option.num_classes"]) == ("FINISHED", "lenet5", "10")
    assert losses == [[row.epoch, pytest.approx(row.validation["loss"])] for row in run.rows]
    assert accuracy == pytest.approx(run.info.test["accuracy"])
    assert names == ["export/lenet5-digits/report.json"]


@needs_mlflow
def test_mlflow_is_not_loaded_before_an_event(tmp_path: Path) -> None:
    code = "import sys, zoo_mlflow; print('mlflow' in sys.modules, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=MLFLOW, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
