"""Metrics of a run (torch) or of an exported file (onnxruntime only) on a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zoo_core.declared_metrics import check_metrics
from zoo_core.records import Record
from zoo_core.registry import Zoo
from zoo_core.runtime.running.isolated import Isolated
from zoo_core.shelf import Located

from .predictor import load_part, open_predictor


@dataclass(frozen=True, kw_only=True)
class Evaluation(Record):
    """Metrics over the `n` samples of one split, and what they do not say: `details`, by class.

    `skipped`: files that could not be read, and were left out. `same_data`: whether these are the data that it was
    trained on, None where that is not known or another dataset was named; `remarks`: what is to be known of them.
    """

    metrics: Mapping[str, float]
    n: int
    split: str
    details: Mapping[str, Any]
    skipped: tuple[str, ...] = ()
    same_data: bool | None = None
    remarks: tuple[str, ...] = ()


def evaluate(
    zoo: Zoo,
    *,
    source: Located,
    dataset: str | None = None,
    data: Mapping[str, Any] | None = None,
    split: str | None = None,
    download: bool = False,
    accept_changes: bool = False,
    isolated: Isolated = None,
    provider: str | None = None,
) -> Evaluation:
    """Measure a run or an export on a dataset: its own unless another is named.

    Its own dataset comes with the options it was trained with, and `data` on top. Pictures are prepared by the recipe
    of what is measured, whatever the dataset's own. `split`: test where there is one, else validation. An exported file
    never loads torch; `isolated` and `provider`: as in `open_model`. Raises ZooError when tasks or classes differ, and
    when its own data have changed since training and none were named in `data`, unless `accept_changes`; UsageError for
    unknown names and splits, and for a provider of a run.
    """
    predictor = open_predictor(source, zoo, isolated=isolated, provider=provider)
    part = load_part(
        predictor, zoo, dataset=dataset, data=data, split=split, download=download, accept_changes=accept_changes
    )
    tally = predictor.task.tally()
    for rows, outputs in predictor.batches(part.samples):
        tally.add(outputs, part.samples.targets[rows])
    metrics, details = tally.metrics(), tally.details(part.labels)
    check_metrics(metrics, predictor.task, tally=tally, plugin=predictor.task_plugin)
    return Evaluation(
        metrics=metrics,
        n=len(part.samples),
        split=part.split,
        details=details,
        skipped=part.skipped,
        same_data=part.same_data,
        remarks=part.remarks,
    )
