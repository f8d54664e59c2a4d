"""Do the file and the reference decide alike? Row by row where the margin allows, and over the validation split."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.records import CheckResult, counted
from zoo_core.tasks import Deciding, Task
from zoo_core.verification.expect.bounds import OutputBound, check_values

MOST_COMPARED = 64
"""Rows of a split that are computed once more in float64, where no decision says which."""

Array = NDArray[Any]
Arrays = Mapping[str, Array]
Reference = Callable[[NDArray[np.int64]], Mapping[str, OutputBound]]
"""Float64 outputs and bounds of some rows."""


def _broadcast(per_row: Array, like: Array) -> Array:
    return per_row.reshape(-1, *([1] * (like.ndim - 1)))


def check_decisions(where: str, deciding: Deciding, actual: Arrays, bounds: Mapping[str, OutputBound]) -> CheckResult:
    """Rule "decisions": the same class wherever the float64 margin exceeds twice the bound."""
    expected = {name: bound.expected for name, bound in bounds.items()}
    margins = deciding.margins(expected)
    # The bound of the output that decides: that of another one would hide flips.
    bound = bounds[deciding.output(bounds)].bound
    clear = margins > 2 * _broadcast(bound, margins)
    wrong = (deciding.decisions(actual) != deciding.decisions(expected)) & clear
    count, total = int(wrong.sum()), int(clear.sum())
    text = f"{where}: {total - count:,} of {total:,} clear decisions agree ({margins.size - total:,} too close to call)"
    return CheckResult(rule="decisions", outcome="failed" if count else "passed", detail=text)


def check_parity(
    task: Task,
    *,
    torch_outputs: Arrays,
    file_outputs: Arrays,
    targets: Any,
    reference: Reference,
) -> CheckResult:
    """Rule "dataset": PyTorch and the file on the same samples of the validation split.

    `reference(rows)` gives float64 outputs and bounds of some rows; it is asked only for rows whose decision flipped,
    or, of a task that decides nothing, for those whose outputs differ most. Fails when a decision flips whose float64
    margin exceeds twice its bound, in either direction, so that a file that happens to score better is not excused; and
    when an output leaves its bound.
    """
    if not all(np.isfinite(value).all() for value in file_outputs.values()):
        text = "the file gives values that are not finite for real samples"
        return CheckResult(rule="dataset", outcome="failed", detail=text)
    name = task.spec.selection
    theirs, ours = task.metrics(torch_outputs, targets)[name], task.metrics(file_outputs, targets)[name]
    text = f"{name} PyTorch {theirs:.4f}, file {ours:.4f} on {counted(len(targets), 'sample')}"
    deciding = task.deciding
    if deciding is None:
        words, bad = _near(torch_outputs, file_outputs, reference)
    else:
        words, bad = _alike(deciding, torch_outputs, file_outputs, reference)
    if bad is not None:
        return CheckResult(rule="dataset", outcome="failed", detail=f"{text}; {words}; {bad.detail}")
    return CheckResult(rule="dataset", outcome="passed", detail=f"{text}; {words}")


def _alike(deciding: Deciding, first: Arrays, second: Arrays, reference: Reference) -> tuple[str, CheckResult | None]:
    """What is said of the decisions, and the rule that they break, if they do."""
    differs = deciding.decisions(first) != deciding.decisions(second)
    rows = np.flatnonzero(differs.reshape(len(differs), -1).any(axis=1))
    words = f"{counted(len(rows), 'decision')} flipped"
    if not len(rows):
        return words, None
    flipped = {key: value[rows] for key, value in second.items()}
    result = check_decisions("validation", deciding, flipped, reference(rows))
    if result.outcome == "failed":
        return words, result
    return f"{words}, all of them too close to call", None


def _near(first: Arrays, second: Arrays, reference: Reference) -> tuple[str, CheckResult | None]:
    """The same for outputs that decide nothing."""
    rows = _most_different(first, second)
    some = {key: value[rows] for key, value in second.items()}
    bad = [result for result in check_values("validation", some, reference(rows)) if result.outcome == "failed"]
    if bad:
        return f"of the {len(rows)} that differ most some leave their bounds", bad[0]
    return f"the {len(rows)} that differ most are within their bounds", None


def _most_different(first: Arrays, second: Arrays) -> NDArray[np.int64]:
    """The rows of which some output differs most, in parts of its own scale; none where all are equal to the bit."""
    worst = np.zeros(len(next(iter(first.values()))))
    for name, value in first.items():
        apart = np.abs(value.astype(np.float64) - second[name]).reshape(len(value), -1).max(axis=1, initial=0)
        worst = np.maximum(worst, apart / max(float(np.abs(value).max(initial=0)), np.finfo(np.float32).tiny))
    order = np.argsort(-worst, kind="stable")[:MOST_COMPARED]
    return order if worst.any() else order[:1]
