"""What the file must compute: all of it from PyTorch, and none of it from the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo_core.errors import NotVerifiedError
from zoo_core.records import CheckResult
from zoo_core.tasks import decisions_of
from zoo_core.verification.bounds import LARGEST_FLOOR, OutputBound, Reference
from zoo_core.verification.inputs import BATCH, PLAUSIBLE, Rows, make_rows
from zoo_core.verification.self_test import ROWS as SELF_TEST_ROWS
from zoo_core.verification.self_test import expectations, input_recipe, self_test_inputs
from zoo_core.verification.sizes import Sizes, shown

from .plan import ExportPlan
from .reference import Arrays, ReferenceResult, TorchReference
from .staged import StagedReference
from .staged_check import check_composition, rows_for_stages, selection_self_test, selection_vectors

ROW_SEED = 20_000
SELF_TEST_SEED = 10_000


@dataclass(frozen=True, kw_only=True)
class Case:
    """Rows of one size: what goes in, and what has to come out. `sizes` are those of the free axes but the batch.

    `rows` are those where PyTorch itself is finite; `skipped` counts the others.
    """

    sizes: Sizes
    rows: Rows = field(repr=False)
    bounds: Mapping[str, OutputBound] = field(repr=False)
    skipped: int = 0

    def __str__(self) -> str:
        return shown(self.sizes)


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the file must compute, case by case, the usual size first.

    `vectors` are real samples (or noise, where there is no dataset) with their expected outputs in float32. For a model
    in stages there are no bounds beforehand: `staged` gives them, for what the file gives to each stage. `told` are
    rules that PyTorch alone decides.
    """

    kind: Reference
    cases: tuple[Case, ...]
    self_test: Mapping[str, Any] = field(repr=False)
    vector_inputs: Arrays = field(repr=False)
    vector_outputs: Arrays = field(repr=False)
    validation: Arrays | None = field(default=None, repr=False)
    staged: StagedReference | None = field(default=None, repr=False)
    told: tuple[CheckResult, ...] = ()

    @property
    def usual(self) -> Case:
        """The case of the usual size, with all kinds of rows."""
        return self.cases[0]


def compute_expected(plan: ExportPlan, reference: TorchReference) -> Expected:
    """Run PyTorch on everything that the file will be asked. Raises NotVerifiedError where PyTorch is no reference."""
    if plan.model.spec.stages is not None:
        return _compute_staged(plan, reference)
    usual, *others = plan.size_cases
    samples = plan.validation.spread() if plan.validation is not None else None
    rows = make_rows(plan.inputs, ranges=plan.ranges, samples=samples, sizes=usual, seed=ROW_SEED)
    result = reference.run(rows.inputs)
    _check_readable(plan, result)
    first = _case(plan, result, rows, usual)
    cases = [first, *(_other_case(plan, reference, sizes, first, number) for number, sizes in enumerate(others))]
    vectors = _vector_rows(first.rows, free=plan.batch_is_free)
    return Expected(
        kind=result.kind,
        cases=tuple(cases),
        self_test=_self_test(plan, reference, usual, others),
        vector_inputs=dict(first.rows.take(vectors).inputs),
        vector_outputs={n: b.expected[vectors].astype(plan.outputs[n].dtype) for n, b in first.bounds.items()},
        validation=reference.float32(plan.validation.inputs) if plan.validation is not None else None,
    )


def _compute_staged(plan: ExportPlan, reference: TorchReference) -> Expected:
    sizes = plan.size_cases[0]
    samples = plan.validation.spread(2) if plan.validation is not None else None
    rows = rows_for_stages(plan, samples, seed=ROW_SEED)
    vector_inputs, vector_outputs = selection_vectors(plan, reference, rows)
    self_test = selection_self_test(plan, reference, seed=SELF_TEST_SEED)
    staged = StagedReference(plan.model.spec, reference)
    return Expected(
        kind="float64",
        cases=(Case(sizes=sizes, rows=rows, bounds={}),),
        self_test=self_test,
        vector_inputs=vector_inputs,
        vector_outputs=vector_outputs,
        staged=staged,
        told=check_composition(plan, reference, staged, rows),
    )


def _check_readable(plan: ExportPlan, result: ReferenceResult) -> None:
    """Outputs that the task cannot read are told before anything is converted."""
    if (deciding := decisions_of(plan.model.spec.task)) is not None:
        deciding.decisions(result.float32)


def _case(
    plan: ExportPlan, result: ReferenceResult, rows: Rows, sizes: Sizes, known: Mapping[str, OutputBound] | None = None
) -> Case:
    kept = np.flatnonzero(result.finite)
    if not len(kept):
        where = f" with {shown(sizes)}" if sizes else ""
        raise NotVerifiedError(f"{plan.model.name} gives no finite output for any input{where}, in PyTorch itself")
    corner = np.array([kind not in PLAUSIBLE for kind in rows.kinds])
    bounds = result.take(kept).bounds(known=known, corner=corner[kept])
    for name, bound in bounds.items():
        if bound.relative_floor > LARGEST_FLOOR:
            raise NotVerifiedError(
                f"{name} in float32 is {bound.relative_floor:.2g} of its size away from float64, in PyTorch itself",
                hint="the model is too ill-conditioned to be checked",
            )
    return Case(sizes=sizes, rows=rows.take(kept), bounds=bounds, skipped=len(rows) - len(kept))


def _other_case(plan: ExportPlan, reference: TorchReference, sizes: Sizes, usual: Case, number: int) -> Case:
    seed = ROW_SEED + 1000 * (number + 1)
    rows = make_rows(plan.inputs, ranges=plan.ranges, sizes=sizes, corners=False, seed=seed)
    # Few rows have a noisy floor: that of the usual size is theirs as well.
    return _case(plan, reference.run(rows.inputs), rows, sizes, known=usual.bounds)


def _vector_rows(rows: Rows, *, free: bool) -> list[int]:
    kind = "sample" if "sample" in rows.kinds else "noise"
    found = [row for row, each in enumerate(rows.kinds) if each == kind]
    return found if free else found[:1]


def _self_test(plan: ExportPlan, reference: TorchReference, usual: Sizes, others: Sequence[Sizes]) -> dict[str, Any]:
    test = _self_test_case(plan, reference, usual, seed=SELF_TEST_SEED)
    if others:
        cases = enumerate(others, start=1)
        test["others"] = [_self_test_case(plan, reference, sizes, seed=SELF_TEST_SEED + 50 * n) for n, sizes in cases]
    return test


def _self_test_case(plan: ExportPlan, reference: TorchReference, sizes: Sizes, *, seed: int) -> dict[str, Any]:
    shapes = {name: (SELF_TEST_ROWS, *spec.shape({BATCH: 1, **sizes})[1:]) for name, spec in plan.inputs.items()}
    recipe = input_recipe(
        shapes,
        ranges=plan.ranges,
        dtypes={name: spec.dtype for name, spec in plan.inputs.items()},
        seed=seed,
    )
    result = reference.run(self_test_inputs(recipe))
    if not result.finite.all():
        raise NotVerifiedError(f"{plan.model.name} gives outputs that are not finite for plausible inputs, in PyTorch")
    return expectations(recipe, result.bounds(), seed=seed)
