"""Do the file and the reference decide alike? Row by row where the margin allows, and over the validation split."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.records import CheckResult, counted
from zoo_core.tasks import ClassDecisions, Task
from zoo_core.verification.expect.bounds import OutputBound

Array = NDArray[Any]
Arrays = Mapping[str, Array]


def _broadcast(per_row: Array, like: Array) -> Array:
    return per_row.reshape(-1, *([1] * (like.ndim - 1)))


def check_decisions(
    where: str, deciding: ClassDecisions, actual: Arrays, bounds: Mapping[str, OutputBound]
) -> CheckResult:
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
    deciding: ClassDecisions,
    *,
    torch_outputs: Arrays,
    file_outputs: Arrays,
    targets: Array,
    reference: Callable[[NDArray[np.int64]], Mapping[str, OutputBound]],
) -> CheckResult:
    """Rule "dataset": PyTorch and the file on the same samples of the validation split.

    `reference(rows)` gives float64 outputs and bounds of some rows; it is asked only for rows whose decision flipped.
    Fails when a decision flips whose float64 margin exceeds twice its bound: in either direction, so that a file that
    happens to score better is not excused.
    """
    if not all(np.isfinite(value).all() for value in file_outputs.values()):
        text = "the file gives values that are not finite for real samples"
        return CheckResult(rule="dataset", outcome="failed", detail=text)
    name = task.selection
    theirs, ours = task.metrics(torch_outputs, targets)[name], task.metrics(file_outputs, targets)[name]
    first, second = deciding.decisions(torch_outputs), deciding.decisions(file_outputs)
    differs = (first != second).reshape(len(first), -1).any(axis=1)
    rows = np.flatnonzero(differs)
    measured = f"{name} PyTorch {theirs:.4f}, file {ours:.4f} on {counted(len(targets), 'sample')}"
    text = f"{measured}; {counted(len(rows), 'decision')} flipped"
    if len(rows):
        flipped = {key: value[rows] for key, value in file_outputs.items()}
        result = check_decisions("validation", deciding, flipped, reference(rows))
        if result.outcome == "failed":
            return CheckResult(rule="dataset", outcome="failed", detail=f"{text}; {result.detail}")
        text += ", all of them too close to call"
    return CheckResult(rule="dataset", outcome="passed", detail=text)
