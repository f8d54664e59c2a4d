"""Decisions on a whole split: a clear flip fails, whatever the score says."""

from __future__ import annotations

import numpy as np

from zoo_core.verification.conclude.same_decisions import check_parity
from zoo_core.verification.expect.bounds import (
    bound_output,
)


def test_a_flip_with_a_clear_margin_fails_even_when_the_score_rises() -> None:
    from zoo_core.tasks import get_task

    task = get_task("image-classification")
    theirs = {"y": np.array([[1.0, 0.0], [1.0, 0.0]])}
    ours = {"y": np.array([[0.0, 1.0], [1.0, 0.0]])}

    def bounds(rows: np.ndarray) -> dict[str, object]:
        return {"y": bound_output("y", float32=theirs["y"][rows].astype(np.float32), float64=theirs["y"][rows])}

    targets = np.array([1, 0])
    result = check_parity(task, torch_outputs=theirs, file_outputs=ours, targets=targets, reference=bounds)
    assert result.outcome == "failed"
    assert "accuracy PyTorch 0.5000, file 1.0000" in result.detail
    equal = check_parity(task, torch_outputs=theirs, file_outputs=theirs, targets=targets, reference=bounds)
    assert equal.outcome == "passed"
