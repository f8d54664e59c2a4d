"""A vector for each sample, from an output (N, D); vectors are compared by the cosine of the angle between them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import TensorSpec, ZooError
from zoo_core.commands import counted
from zoo_core.tasks import Answer, Example, Outputs, Task, TrainingLoss, finite_output, output_of

from .neighbours import contrast, ranks, unit_vectors

_SHOWN = 4
"""Numbers of a vector that are told in words."""


class Embedding(Task):
    """A vector for each sample."""

    def tally(self) -> VectorTally:
        """An empty tally. Metrics: `recall@1` and `recall@5`, how many samples have one of their own class among the
        nearest 1 and 5 others of the part; `loss`, the contrastive loss over the whole part.

        A sample that is alone in its class is left out. Of neighbours that are equally near, those of other classes
        count as nearer.
        """
        return VectorTally(self.name)

    def decode(self, outputs: Outputs, *, labels: Sequence[str]) -> list[Answer]:
        """`{embedding: [numbers]}` for each sample, as the model gives them."""
        return [{"embedding": row.tolist()} for row in vectors_of(outputs, task=self.name)]

    def columns(self, *, labels: Sequence[str], outputs: Mapping[str, TensorSpec]) -> tuple[str, ...]:
        """One for each number of a vector."""
        size = outputs[vector_output(outputs, task=self.name)].axes[-1]
        return tuple(f"embedding[{place}]" for place in range(size)) if isinstance(size, int) else ("embedding",)

    def cells(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """The numbers by these columns."""
        return {f"embedding[{place}]": value for place, value in enumerate(answer["embedding"])}

    def in_words(self, answer: Mapping[str, Any]) -> str:
        """`32 numbers: 0.123, -0.4, 0.02, 0.31, ...`."""
        vector = answer["embedding"]
        more = ", ..." if len(vector) > _SHOWN else ""
        return f"{len(vector)} numbers: {', '.join(f'{value:.4g}' for value in vector[:_SHOWN])}{more}"

    def loss(self, *, name: str | None = None, label_smoothing: float = 0.0) -> TrainingLoss:
        """The supervised contrastive loss; "contrastive" or "triplet" by name."""
        from .losses_net import vector_loss

        return vector_loss(
            partial(vector_output, task=self.name), task=self.name, name=name, label_smoothing=label_smoothing
        )

    def check_fit(
        self, outputs: Mapping[str, tuple[int, ...]], targets: NDArray[Any], *, count: int, model: str
    ) -> None:
        """There is a vector for each sample."""
        found = outputs[vector_output(outputs, task=self.name)]
        if len(found) != 2 or found[0] != count:
            raise ZooError(
                f"model {model!r} returned shape {found} for {counted(count, 'sample')}, and not a vector for each",
                hint="one row a sample",
            )

    def trial_targets(self, outputs: Outputs) -> NDArray[Any]:
        """Two samples of each class."""
        count = len(next(iter(outputs.values())))
        return np.arange(count, dtype=np.int64) % max(1, count // 2)

    def example(self, count: int, *, random: np.random.Generator) -> Example:
        """Vectors of three classes: each near the axis of its class, or anywhere."""
        targets = np.arange(count, dtype=np.int64) % 3
        right = np.eye(8)[targets] + random.normal(0, 0.01, (count, 8))
        outputs = np.eye(8)[targets] + random.normal(0, 1, (count, 8))
        unit = [(each / np.linalg.norm(each, axis=1, keepdims=True)).astype(np.float32) for each in (outputs, right)]
        return Example(outputs={"embedding": unit[0]}, right={"embedding": unit[1]}, targets=targets)

    def chance(self, metrics: Mapping[str, float], targets: NDArray[Any], *, classes: Sequence[str]) -> str:
        """Whether a neighbour drawn at random would be of the own class as often."""
        counts = np.bincount(targets)
        counts = counts[counts > 1]
        if not counts.size:
            return ""
        least = float((counts * (counts - 1)).sum() / counts.sum() / (len(targets) - 1))
        # Three standard deviations of a share of that many samples.
        least += 3 * math.sqrt(least * (1 - least) / counts.sum())
        if metrics.get("recall@1", 0.0) > least:
            return ""
        return f"a neighbour drawn at random gives recall@1 up to {least:.4f}; this has {metrics['recall@1']:.4f}"


class VectorTally:
    """All vectors and their classes: who is nearest is only known at the end."""

    def __init__(self, task: str) -> None:
        self._task = task
        self._vectors: list[NDArray[np.float64]] = []
        self._classes: list[NDArray[np.int64]] = []

    def add(self, outputs: Outputs, targets: NDArray[Any]) -> None:
        """One batch: outputs by name, and class numbers (N,)."""
        vectors = vectors_of(outputs, task=self._task)
        if targets.shape != vectors.shape[:1]:
            raise ZooError(f"{self._task}: {len(vectors)} vectors, but targets of shape {targets.shape}")
        self._vectors.append(unit_vectors(vectors))
        self._classes.append(targets.astype(np.int64))

    def metrics(self) -> dict[str, float]:
        """The metrics of everything that was added. Raises ZooError where no class has two samples."""
        vectors, classes = self._joined()
        rank = ranks(vectors, classes)
        return {
            "loss": contrast(vectors, classes),
            "recall@1": float((rank < 1).mean()),
            "recall@5": float((rank < 5).mean()),
        }

    def details(self, labels: Sequence[str]) -> dict[str, Any]:
        """`{classes: [{label, recall@1, recall@5, n}]}`; None for classes that have less than two samples."""
        vectors, classes = self._joined()
        rank, counts = ranks(vectors, classes), np.bincount(classes, minlength=len(labels))
        own = classes[counts[classes] > 1]
        rows = []
        for number, label in enumerate(labels):
            found = rank[own == number]
            scores = {f"recall@{count}": float((found < count).mean()) if found.size else None for count in (1, 5)}
            rows.append({"label": label, **scores, "n": int(counts[number])})
        return {"classes": rows}

    def _joined(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        if not self._vectors:
            raise ZooError("there are no samples to measure")
        vectors, classes = np.concatenate(self._vectors), np.concatenate(self._classes)
        if np.bincount(classes).max() < 2:
            raise ZooError(
                "there is nothing to compare: no class has two samples in this part",
                hint="more samples: -d train_size=N, -d val_size=N or -d test_size=N",
            )
        return vectors, classes


def vector_output(outputs: Mapping[str, Any], *, task: str) -> str:
    """The name of the output that has the vectors. Raises ZooError when it cannot be told."""
    return output_of(outputs, "embedding", "vector", "out", task=task)


def vectors_of(outputs: Outputs, *, task: str) -> NDArray[Any]:
    """The vectors (N, D). Raises ZooError for another shape, and unless all numbers are finite."""
    name = vector_output(outputs, task=task)
    vectors = np.asarray(outputs[name])
    if vectors.ndim != 2 or vectors.size == 0:
        raise ZooError(f"{task} needs {name} of shape (samples, numbers), not {vectors.shape}")
    return finite_output(vectors)
