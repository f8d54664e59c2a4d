"""What is expected of a model in stages: what PyTorch's stages give together, and what the whole of it chooses."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo_core.errors import NotVerifiedError
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.records import CheckResult, counted
from zoo_core.verification.expect.selections import Choice, choice_of, match, scale_of
from zoo_core.verification.feed.rows import PLAUSIBLE, Rows

from .reference import Arrays, TorchReference
from .staged import JITTERS, RandomRounding, StagedReference, moved_by_rounding

STAGED_ROWS = 2
"""Rows of each plausible kind: every one of them runs alone, in float64 too, and once more a setting."""
FEWEST_ROWS = 10
"""Rows that must be chosen for real samples or, without any, for a plausible input: or too little of the model is
seen."""


def one_row(inputs: Mapping[str, Any], row: int) -> Arrays:
    """A batch of this row alone."""
    return {name: value[row : row + 1] for name, value in inputs.items()}


def check_composition(
    plan: ExportPlan, reference: TorchReference, staged: StagedReference, rows: Rows
) -> tuple[CheckResult, ...]:
    """Rules "stages" and "sensitivity" in PyTorch: the stages give what `forward` gives, and enough of it to judge."""
    problems, judged = [], 0
    counts: dict[str, list[int]] = {}
    for row, kind in enumerate(rows.kinds):
        if kind not in PLAUSIBLE:
            continue  # a picture of one colour is all ties, and each code breaks them in its own way
        judged += 1
        inputs = one_row(rows.inputs, row)
        original, composed = reference.float32(inputs), staged.compose(inputs)
        total = max(len(next(iter(original.values()))), len(composed[next(iter(original))]))
        near = {name: 1e-4 * scale_of(value) for name, value in original.items()}
        lost = total - int((match(original, {n: composed[n] for n in original}, near) >= 0).sum())
        # A row at the edge of a threshold may fall on either side of it: one in fifty, not more.
        if lost > max(1, total // 50):
            problems.append(f"{lost} of {counted(total, 'row')} for a {kind} input differ")
        counts.setdefault(kind, []).append(total)
    text = "; ".join(problems) or f"the stages give what forward gives, on {counted(judged, 'input')}"
    stages = CheckResult(rule="stages", outcome="failed" if problems else "passed", detail=text)
    seen, words = _seen(counts)
    few = seen < FEWEST_ROWS
    text = f"{plan.model.name} chooses {counted(seen, 'row')} {words}; {FEWEST_ROWS} are needed"
    return stages, CheckResult(rule="sensitivity", outcome="not-conclusive" if few else "passed", detail=text)


def _seen(counts: Mapping[str, Sequence[int]]) -> tuple[int, str]:
    """How many rows show what a model does: those of all samples together, else the fewest in noise."""
    if sum(counts.get("sample", ())):
        return sum(counts["sample"]), "for real samples"
    return min(counts["noise"]), "or more for a plausible input"


def end_to_end(reference: TorchReference, inputs: Mapping[str, Any], row: int, *, rounding: bool = False) -> Choice:
    """What the whole model chooses for one row, and what of it is sure; with `rounding`, whatever is rounded on its
    way. Raises NotVerifiedError without float64."""
    given = one_row(inputs, row)
    exact, single = reference.float64(given), reference.float32(given)
    if exact is None:
        raise NotVerifiedError("the model cannot be run in float64")
    moved = []
    for trial in range(JITTERS):
        shifted = {name: moved_by_rounding(name, value, trial) for name, value in given.items()}
        with RandomRounding(trial) if rounding else contextlib.nullcontext():
            moved.append(reference.float32(shifted))
    return choice_of(exact, single, moved)


def selection_vector(plan: ExportPlan, reference: TorchReference, rows: Rows) -> tuple[int, Arrays]:
    """A plausible row, and its outputs in float32, as test vectors.

    The first one whose result is the same in float32 and float64, in its order too; the first of all if none is.
    """
    found: list[tuple[int, Arrays]] = []
    for row, kind in enumerate(rows.kinds):
        if kind not in PLAUSIBLE:
            continue
        inputs = one_row(rows.inputs, row)
        single, exact = reference.float32(inputs), reference.float64(inputs)
        found.append((row, {name: value.astype(plan.outputs[name].dtype) for name, value in single.items()}))
        if exact is not None and all(_alike(single[name], exact[name]) for name in single):
            return found[-1]
    return found[0]


def _alike(first: Any, second: Any) -> bool:
    return first.shape == second.shape and bool(np.allclose(first, second, rtol=1e-4, atol=1e-8))
