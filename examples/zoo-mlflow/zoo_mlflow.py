"""Runs and exports of zoo in MLflow: parameters, measures of each epoch, and the report of the export.

It only listens. MLflow takes seconds to import, so that it is imported when there is something to log. Where to log to
is MLflow's own business: MLFLOW_TRACKING_URI (default: mlflow.db in the current folder) and MLFLOW_EXPERIMENT_NAME.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo_core import hookimpl

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from zoo_core import EpochRow, ExportReport, RunInfo, TrainResult

DATABASE = "sqlite:///mlflow.db"
EXPERIMENT = "zoo"
TAG = "zoo.run"
"""The tag of an MLflow run that holds the name of the run in zoo."""
_LONGEST = 500  # characters of a parameter


@hookimpl
def zoo_epoch_ended(run: RunInfo, row: EpochRow) -> None:
    client = _client()
    # A first epoch is a new run, whatever had this name before; a resumed training goes on in its own.
    run_id = None if row.epoch == 1 else _newest(client, run.name)
    if run_id is None:
        run_id = _begin(client, run)
    values = {f"train/{name}": value for name, value in row.train.items()}
    values |= {f"validation/{name}": value for name, value in row.validation.items()}
    _log(client, run_id, {**values, "learning_rate": row.learning_rate, "seconds": row.seconds}, step=row.epoch)


@hookimpl
def zoo_trained(run: RunInfo, result: TrainResult) -> None:
    client = _client()
    if (run_id := _newest(client, run.name)) is not None:
        _log(client, run_id, {f"test/{name}": value for name, value in (run.test or {}).items()}, step=result.epochs)
        client.set_tag(run_id, "zoo.best_epoch", result.best_epoch)
        client.set_terminated(run_id)


@hookimpl
def zoo_exported(report: ExportReport) -> None:
    if report.run is None:
        return  # a model with fresh or published weights has no run to show it with
    client = _client()
    if (run_id := _newest(client, report.run)) is not None:
        client.log_dict(run_id, report.to_json(), f"export/{report.name}/report.json")


def _client() -> MlflowClient:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=os.environ.get("MLFLOW_TRACKING_URI") or DATABASE)


def _experiment(client: MlflowClient) -> str:
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
    found = client.get_experiment_by_name(name)
    return found.experiment_id if found else client.create_experiment(name)


def _newest(client: MlflowClient, name: str) -> str | None:
    """The id of the MLflow run that was begun last for the run of that name."""
    query = f'tags.`{TAG}` = "{name}"'  # a name of a run may have a single quote, and has no double one
    found = client.search_runs(
        [_experiment(client)], filter_string=query, max_results=1, order_by=["attributes.start_time DESC"]
    )
    return found[0].info.run_id if found else None


def _begin(client: MlflowClient, run: RunInfo) -> str:
    begun = client.create_run(_experiment(client), run_name=run.name, tags={TAG: run.name, "zoo.machine": run.machine})
    facts: dict[str, Any] = {
        name: getattr(run, name) for name in ("model", "dataset", "trainer", "epochs", "seed", "device", "init_from")
    }
    for group, values in (("option", run.options), ("data", run.dataset_options), ("config", run.config)):
        facts |= {f"{group}.{name}": value for name, value in values.items()}
    for name, value in facts.items():
        client.log_param(begun.info.run_id, name, str(value)[:_LONGEST])
    return str(begun.info.run_id)


def _log(client: MlflowClient, run_id: str, values: Mapping[str, float], *, step: int) -> None:
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    metrics = [Metric(name, value, now, step) for name, value in values.items() if math.isfinite(value)]
    client.log_batch(run_id, metrics=metrics)
