"""Flags: whether a sample belongs to each of K classes, from logits (N, K), one logit a class."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zoo_core import TensorSpec, ZooError
from zoo_core.commands import counted
from zoo_core.tasks import Answer, Example, Judged, Outputs, Task, TrainingLoss, check_labels

from .decisions import FlagDecisions
from .scores import average_precision, best_threshold

THRESHOLDS = "thresholds"
"""The setting that a run and a file keep: the probability from which a class counts as there, `{label: p}`."""
USUAL = 0.5


class Multilabel(Task):
    """Which of K classes a sample belongs to; a logit above that of its threshold, 0.5 unless chosen, is a yes."""

    gives: ClassVar[str] = "values"

    @property
    def deciding(self) -> FlagDecisions:
        """Each class by itself."""
        chosen = self.settings.get(THRESHOLDS)
        cuts = np.array([math.log(p / (1 - p)) for p in chosen.values()]) if chosen else np.zeros(1)
        return FlagDecisions(task=self.name, cuts=cuts)

    def check_settings(self, settings: Mapping[str, Any]) -> None:
        """`thresholds` are probabilities by label."""
        chosen = settings.get(THRESHOLDS, {})
        if set(settings) - {THRESHOLDS} or not isinstance(chosen, Mapping):
            raise ZooError(f"{self.name} has one setting, {THRESHOLDS}: a probability for each label")
        for label, value in chosen.items():
            if not isinstance(value, float) or not 0 < value < 1:
                raise ZooError(f"{self.name}: the threshold of {label!r} is between 0 and 1, not {value!r}")

    def choose(self, outputs: Outputs, targets: NDArray[Any], *, labels: Sequence[str]) -> dict[str, Any]:
        """For each class the threshold with the best F1 on these samples; 0.5 where it has none."""
        logits = FlagDecisions(task=self.name).logits(outputs).astype(np.float64)
        found = [best_threshold(_sigmoid(logits[:, column]), targets[:, column]) for column in range(logits.shape[1])]
        return {THRESHOLDS: dict(zip(labels, found, strict=True))}

    def tally(self) -> FlagTally:
        """An empty tally. Metrics: `loss` (mean binary cross entropy), `map` (mean over the classes of the average
        precision), `f1`, `precision`, `recall` (means over the classes), `f1_micro` (over all flags together); classes
        that no sample has are left out of the means."""
        return FlagTally(self.deciding)

    def judge(self, outputs: Outputs, targets: NDArray[Any]) -> Judged:
        """The share of right flags; the loss says how bad."""
        decided = self.deciding.decisions(outputs)
        right = (decided == targets).mean(axis=1)
        losses = _losses(self.deciding.logits(outputs), targets).mean(axis=1)
        return Judged(decided=decided, value=right, badness=losses, wrong=right < 1)

    def decode(self, outputs: Outputs, *, labels: Sequence[str]) -> list[Answer]:
        """`{labels: [what is there], probabilities: {label: p}}` for each sample, the most probable first."""
        logits = self.deciding.logits(outputs).astype(np.float64)
        check_labels(labels, logits.shape[1])
        decided, chances = self.deciding.decisions(outputs), _sigmoid(logits)
        answers: list[Answer] = []
        for flags, row, own in zip(decided, chances, logits, strict=True):
            order = np.argsort(-own, kind="stable")
            answers.append(
                {
                    "labels": [labels[index] for index in order if flags[index]],
                    "probabilities": {labels[index]: float(row[index]) for index in order},
                }
            )
        return answers

    def columns(self, *, labels: Sequence[str], outputs: Mapping[str, TensorSpec]) -> tuple[str, ...]:
        """What is there, and how probable each class is."""
        return ("labels", *labels)

    def cells(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """The labels with commas between them, and the probabilities by label."""
        return {"labels": ", ".join(answer["labels"]), **answer["probabilities"]}

    def in_words(self, answer: Mapping[str, Any]) -> str:
        """`cat 0.93, dog 0.71`; `none` where no class is there."""
        chances = answer["probabilities"]
        return ", ".join(f"{label} {chances[label]:.4f}" for label in answer["labels"]) or "none"

    def trial_targets(self, outputs: Outputs) -> NDArray[Any]:
        """Every class there in one sample and not in the next."""
        samples, classes = outputs[self.deciding.output(outputs)].shape
        return (np.add.outer(np.arange(samples), np.arange(classes)) % 2).astype(np.uint8)

    def example(self, count: int, *, random: np.random.Generator) -> Example:
        """Three classes, each there in about half of the samples."""
        flags = (random.random((count, 3)) < 0.5).astype(np.uint8)
        right = 8.0 * flags - 4
        outputs = right + random.normal(0, 4, right.shape)
        return Example(
            outputs={"logits": outputs.astype(np.float32)},
            right={"logits": right.astype(np.float32)},
            targets=flags,
            labels=("a", "b", "c"),
        )

    def loss(self, *, name: str | None = None, label_smoothing: float = 0.0) -> TrainingLoss:
        """Binary cross entropy of each class; "bce" or "focal" by name."""
        from .losses_net import flag_loss

        return flag_loss(self.deciding, name=name, label_smoothing=label_smoothing)

    def check_fit(
        self, outputs: Mapping[str, tuple[int, ...]], targets: NDArray[Any], *, count: int, model: str
    ) -> None:
        """There is a column for each class."""
        found, wanted = outputs[self.deciding.output(outputs)], targets.shape[1]
        if found != (count, wanted):
            raise ZooError(
                f"model {model!r} returned shape {found} for {counted(count, 'sample')} of {wanted} classes",
                hint="one row of logits a sample, one column a class",
            )

    def chance(self, metrics: Mapping[str, float], targets: NDArray[Any], *, classes: Sequence[str]) -> str:
        """Whether saying nothing about a sample would be as good: the average precision of a class is its share."""
        shares = targets.mean(axis=0)
        least = float(shares[shares > 0].mean()) if (shares > 0).any() else 0.0
        if metrics.get("map", math.inf) > least:
            return ""
        return f"the same answer for every sample has map {least:.4f}; this has {metrics['map']:.4f}"


class FlagTally:
    """Logits and flags of every sample: average precision needs the order of all of them."""

    def __init__(self, deciding: FlagDecisions) -> None:
        self._deciding = deciding
        self._logits: list[NDArray[np.float64]] = []
        self._flags: list[NDArray[np.bool_]] = []

    def add(self, outputs: Outputs, targets: NDArray[Any]) -> None:
        """One batch: outputs by name, and flags (N, K)."""
        logits = self._deciding.logits(outputs).astype(np.float64)
        if targets.shape != logits.shape:
            raise ZooError(f"outputs of shape {logits.shape}, but targets of shape {targets.shape}")
        self._logits.append(logits)
        self._flags.append(targets.astype(np.bool_))

    def metrics(self) -> dict[str, float]:
        """The metrics of everything that was added. Raises ZooError for nothing."""
        logits, flags = self._joined()
        rows = self._by_class()
        known = [row for row in rows if row["n"]]
        both, true, said = self._counts().sum(axis=1)
        found = {
            "loss": float(_losses(logits, flags).mean()),
            "map": _mean([row["average_precision"] for row in known]),
            "f1": _mean([row["f1"] for row in known]),
            "f1_micro": _share(2 * both, true + said),
        }
        return found | {name: _mean([row[name] for row in known]) for name in ("precision", "recall")}

    def details(self, labels: Sequence[str]) -> dict[str, Any]:
        """`{classes: [{label, average_precision, precision, recall, f1, n}]}`; `n` samples have the class."""
        rows = self._by_class()
        check_labels(labels, len(rows))
        return {"classes": [{"label": label, **row} for label, row in zip(labels, rows, strict=True)]}

    def _by_class(self) -> list[dict[str, Any]]:
        logits, flags = self._joined()
        rows = []
        for column, (both, true, said) in enumerate(self._counts().T):
            rows.append(
                {
                    "average_precision": average_precision(logits[:, column], flags[:, column]) if true else None,
                    "precision": _share(both, said),
                    "recall": _share(both, true),
                    "f1": _share(2 * both, true + said),
                    "n": int(true),
                }
            )
        return rows

    def _counts(self) -> NDArray[np.int64]:
        """How often each class was both decided and true, was true, and was decided: (3, K)."""
        logits, flags = self._joined()
        decided = logits > self._deciding.cuts
        return np.stack([(decided & flags).sum(axis=0), flags.sum(axis=0), decided.sum(axis=0)])

    def _joined(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        if not self._logits:
            raise ZooError("there are no samples to measure")
        return np.concatenate(self._logits), np.concatenate(self._flags)


def _losses(logits: NDArray[Any], flags: NDArray[Any]) -> NDArray[np.float64]:
    """-log p of what is true, of each flag: max(z, 0) - z y + log(1 + exp(-|z|))."""
    z = logits.astype(np.float64)
    losses: NDArray[np.float64] = np.maximum(z, 0) - z * flags + np.log1p(np.exp(-np.abs(z)))
    return losses


def _sigmoid(z: NDArray[np.float64]) -> NDArray[np.float64]:
    tail = np.exp(-np.abs(z))
    result: NDArray[np.float64] = np.where(z >= 0, 1.0, tail) / (1 + tail)
    return result


def _share(part: Any, whole: Any) -> float:
    return float(part / whole) if whole else 0.0


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
