"""Events in, MLflow's own answers out, in a database of the test's own."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from zoo_core import EpochRow, ExportReport, RunInfo, TrainResult

import zoo_mlflow

RUN = RunInfo(
    name="lenet5-digits",
    model="lenet5",
    model_plugin="zoo-core:lenet5",
    options={"in_channels": 1},
    dataset="digits",
    dataset_plugin="zoo-core:digits",
    dataset_options={},
    dataset_fingerprint="0",
    classes=("0", "1"),
    trainer="supervised",
    trainer_plugin="zoo-core:supervised",
    config={"lr": 0.1},
    epochs=2,
    seed=0,
    device="cpu",
)
RESULT = TrainResult(epochs=2, best_epoch=2, seconds=1.0, validation={"loss": 0.5})
REPORT = ExportReport(
    outcome="verified",
    name="lenet5-digits",
    model="lenet5",
    run="lenet5-digits",
    opset=20,
    axes={},
    untrained=False,
    reference="float64",
    checks=(),
    outputs=(),
    versions={},
)


def row(epoch: int, loss: float) -> EpochRow:
    return EpochRow(epoch=epoch, train={"loss": loss}, validation={"loss": loss}, learning_rate=0.1, seconds=1.0)


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    return MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")


def runs(client: MlflowClient) -> list[Any]:
    return list(client.search_runs([client.get_experiment_by_name("zoo").experiment_id]))


@pytest.mark.parametrize("name", ["it's", "two words", "it's 50% or `less`"])
def test_a_run_is_found_again_whatever_its_name(name: str, client: MlflowClient) -> None:
    run = dataclasses.replace(RUN, name=name)
    for epoch in (1, 2):
        zoo_mlflow.zoo_epoch_ended(run=run, row=row(epoch, 1.0))
    zoo_mlflow.zoo_trained(run=run, result=RESULT)
    (found,) = runs(client)
    assert (found.info.run_name, found.info.status) == (name, "FINISHED")


def test_a_run_and_its_export(client: MlflowClient, tmp_path: Path) -> None:
    for epoch, loss in ((1, 2.0), (2, float("nan"))):
        zoo_mlflow.zoo_epoch_ended(run=RUN, row=row(epoch, loss))
    zoo_mlflow.zoo_trained(run=dataclasses.replace(RUN, test={"accuracy": 0.9}), result=RESULT)
    zoo_mlflow.zoo_exported(report=REPORT)
    zoo_mlflow.zoo_exported(report=dataclasses.replace(REPORT, run=None))
    (found,) = runs(client)
    assert (found.info.run_name, found.info.status) == ("lenet5-digits", "FINISHED")
    assert found.data.params["option.in_channels"] == "1"
    assert found.data.params["config.lr"] == "0.1"
    assert found.data.metrics["test/accuracy"] == 0.9
    history = client.get_metric_history(found.info.run_id, "learning_rate")
    assert [point.step for point in history] == [1, 2]
    assert [point.value for point in client.get_metric_history(found.info.run_id, "train/loss")] == [2.0]
    path = client.download_artifacts(found.info.run_id, "export/lenet5-digits/report.json", str(tmp_path))
    assert json.loads(Path(path).read_text())["outcome"] == "verified"


def test_a_resumed_run_goes_on_and_a_new_one_of_that_name_does_not(client: MlflowClient) -> None:
    zoo_mlflow.zoo_epoch_ended(run=RUN, row=row(1, 2.0))
    zoo_mlflow.zoo_epoch_ended(run=RUN, row=row(2, 1.0))
    assert len(runs(client)) == 1
    zoo_mlflow.zoo_epoch_ended(run=RUN, row=row(1, 3.0))
    assert len(runs(client)) == 2
