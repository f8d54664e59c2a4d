"""The second output `probabilities`: what the task tells of its logits, in the file itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import UsageError, ZooError
from zoo_core.shapes import TensorSpec
from zoo_core.tasks import Task

PROBABILITIES = "probabilities"
_TRIED = 4
_ALIKE = 1e-6
_WITHOUT = "leave out --with-probabilities"


@dataclass(frozen=True, kw_only=True)
class Head:
    """Which output of a model becomes probabilities, and by which operator: over the classes of a sample, or each
    number alone."""

    output: str
    operator: Literal["Softmax", "Sigmoid"]

    def of(self, outputs: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """The probabilities of these outputs, in their own precision."""
        return probabilities(outputs[self.output], self.operator)


def probabilities(logits: NDArray[Any], operator: str) -> NDArray[Any]:
    """Softmax along axis 1, or Sigmoid."""
    if operator == "Sigmoid":
        with np.errstate(over="ignore"):
            alone: NDArray[Any] = 1 / (1 + np.exp(-logits))
        return alone
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: NDArray[Any] = powers / powers.sum(axis=1, keepdims=True)
    return shares


def head_of(task: Task, outputs: Mapping[str, TensorSpec]) -> Head:
    """How the task itself makes probabilities of logits: it is asked for some.

    Raises UsageError for a task that tells no probability of each class, such as one with a class for each pixel.
    """
    if task.deciding is None:
        raise _has_none(task)
    name = task.deciding.output(outputs)
    if PROBABILITIES in outputs:
        raise UsageError(f"the model has an output called {PROBABILITIES!r} already", hint=_WITHOUT)
    spec = outputs[name]
    count = spec.axes[1] if len(spec.axes) == 2 else 1
    if len(spec.axes) > 2 or not isinstance(count, int):
        raise _has_none(task)
    logits = 3 * np.random.default_rng(0).standard_normal((_TRIED, count))
    logits = logits if len(spec.axes) == 2 else logits[:, 0]
    told = _told(task, {name: logits}, count)
    for operator in ("Softmax", "Sigmoid") if count > 1 else ("Sigmoid",):
        found = probabilities(logits, operator).reshape(_TRIED, count)
        if told.shape == found.shape and np.allclose(told, found, rtol=0, atol=_ALIKE):
            return Head(output=name, operator="Softmax" if operator == "Softmax" else "Sigmoid")
    raise _has_none(task)


def _told(task: Task, outputs: Mapping[str, NDArray[Any]], count: int) -> NDArray[np.float64]:
    """What the task tells of each class; of one logit, what it tells of the second of two."""
    labels = [str(number) for number in range(max(2, count))]
    try:
        answers = task.decode(outputs, labels=labels)
        wanted = labels if count > 1 else labels[1:]
        return np.array([[float(answer[PROBABILITIES][label]) for label in wanted] for answer in answers])
    except (ZooError, KeyError, TypeError):
        raise _has_none(task) from None


def _has_none(task: Task) -> UsageError:
    return UsageError(f"{task.name} tells no probability of each class, so that none can be an output", hint=_WITHOUT)
