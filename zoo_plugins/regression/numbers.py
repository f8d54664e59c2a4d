"""Regression: K numbers for each sample, from an output (N, K), or (N,) for one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import TensorSpec, ZooError
from zoo_core.commands import counted
from zoo_core.tasks import Answer, Example, Judged, Outputs, Task, TrainingLoss

from .outputs import number_output, numbers_of


class Regression(Task):
    """K numbers for each sample."""

    def tally(self) -> NumberTally:
        """An empty tally. Metrics: `loss` (mean squared error), `mae`, `rmse` and `r2`, of several numbers the mean of
        each one's, as scikit-learn has them."""
        return NumberTally(self.name)

    def judge(self, outputs: Outputs, targets: NDArray[Any]) -> Judged:
        """How far the numbers of a sample are from the truth, on average."""
        values = numbers_of(outputs, task=self.name)
        distance = np.abs(values - targets).mean(axis=1)
        return Judged(decided=values, value=distance, badness=distance, wrong=np.zeros(len(values), np.bool_))

    def decode(self, outputs: Outputs, *, labels: Sequence[str]) -> list[Answer]:
        """`{values: {name: number}}` for each sample, and its `value` where there is one number.

        The names are the `labels`, or else the output's own.
        """
        values = numbers_of(outputs, task=self.name)
        names = _names(number_output(outputs, task=self.name), values.shape[1], labels)
        answers: list[Answer] = []
        for row in values:
            named = dict(zip(names, map(float, row), strict=True))
            answers.append({"value": float(row[0]), "values": named} if len(row) == 1 else {"values": named})
        return answers

    def columns(self, *, labels: Sequence[str], outputs: Mapping[str, TensorSpec]) -> tuple[str, ...]:
        """One for each number."""
        if labels:
            return tuple(labels)
        name = number_output(outputs, task=self.name)
        size = outputs[name].axes[1] if len(outputs[name].axes) > 1 else 1
        return tuple(_names(name, size, ())) if isinstance(size, int) else (name,)

    def cells(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """The numbers by their names."""
        return dict(answer["values"])

    def in_words(self, answer: Mapping[str, Any]) -> str:
        """`3.25`, or `width 3.25, height 1.5`."""
        values: Mapping[str, float] = answer["values"]
        if len(values) == 1:
            return f"{next(iter(values.values())):.6g}"
        return ", ".join(f"{name} {value:.6g}" for name, value in values.items())

    def example(self, count: int, *, random: np.random.Generator) -> Example:
        """Two numbers for each sample."""
        truth = random.normal(size=(count, 2)).astype(np.float32)
        outputs = truth + random.normal(0, 0.3, truth.shape).astype(np.float32)
        return Example(outputs={"values": outputs}, right={"values": truth}, targets=truth, labels=("a", "b"))

    def loss(self, *, name: str | None = None, label_smoothing: float = 0.0) -> TrainingLoss:
        """Mean squared error; "mse", "mae" or "huber" by name."""
        from .losses_net import number_loss

        return number_loss(self.name, name=name, label_smoothing=label_smoothing)

    def check_fit(
        self, outputs: Mapping[str, tuple[int, ...]], targets: NDArray[Any], *, count: int, model: str
    ) -> None:
        """There is a column for each number."""
        found, wanted = outputs[number_output(outputs, task=self.name)], targets.shape[1]
        if found != (count, wanted) and not (found == (count,) and wanted == 1):
            raise ZooError(
                f"model {model!r} returned shape {found} for {counted(count, 'sample')} of {wanted} numbers",
                hint="one row a sample, one column a number",
            )

    def chance(self, metrics: Mapping[str, float], targets: NDArray[Any], *, classes: Sequence[str]) -> str:
        """Whether always answering the mean would be as good."""
        spread = targets.astype(np.float64).std(axis=0)
        least = float(spread.mean())
        if metrics.get("rmse", math.inf) < least:
            return ""
        return f"always answering the mean has rmse {least:.4g}; this has {metrics['rmse']:.4g}"


class NumberTally:
    """The truth and the error of each sample; added up at the end, so that the batch size changes no bit."""

    def __init__(self, task: str) -> None:
        self._task = task
        self._truths: list[NDArray[np.float64]] = []
        self._errors: list[NDArray[np.float64]] = []

    def add(self, outputs: Outputs, targets: NDArray[Any]) -> None:
        """One batch: outputs by name, and numbers (N, K)."""
        values, truth = numbers_of(outputs, task=self._task), targets.astype(np.float64)
        if truth.shape != values.shape:
            raise ZooError(f"{self._task}: outputs of shape {values.shape}, but targets of shape {targets.shape}")
        self._truths.append(truth)
        self._errors.append(values - truth)

    def metrics(self) -> dict[str, float]:
        """The metrics of everything that was added. Raises ZooError for nothing."""
        scores = self._scores()
        squared = scores["mse"]
        return {
            "loss": float(squared.mean()),
            "mae": float(scores["mae"].mean()),
            "rmse": float(np.sqrt(squared).mean()),
            "r2": float(scores["r2"].mean()),
        }

    def details(self, labels: Sequence[str]) -> dict[str, Any]:
        """`{numbers: [{label, mae, rmse, r2, n}]}`: the scores of each number."""
        scores = self._scores()
        names = _names("value", len(scores["mae"]), labels)
        count = sum(map(len, self._errors))
        rows = [
            {
                "label": name,
                "mae": float(scores["mae"][index]),
                "rmse": math.sqrt(float(scores["mse"][index])),
                "r2": float(scores["r2"][index]),
                "n": count,
            }
            for index, name in enumerate(names)
        ]
        return {"numbers": rows}

    def _scores(self) -> dict[str, NDArray[np.float64]]:
        """Of each column."""
        if not self._errors:
            raise ZooError("there are no samples to measure")
        truth, error = np.concatenate(self._truths), np.concatenate(self._errors)
        left = (error**2).sum(axis=0)
        total = ((truth - truth.mean(axis=0)) ** 2).sum(axis=0)
        # A truth that never changes leaves nothing to explain: 1 where it is met, else 0.
        constant = np.where(left == 0, 1.0, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            explained = np.where(total > 0, 1 - left / total, constant)
        return {"mse": left / len(error), "mae": np.abs(error).mean(axis=0), "r2": explained}


def _names(output: str, count: int, labels: Sequence[str]) -> Sequence[str]:
    if not labels:
        return [output] if count == 1 else [f"{output}[{index}]" for index in range(count)]
    if len(labels) != count:
        raise ZooError(f"the model gives {count} numbers, but there are names for {len(labels)}")
    return labels
