"""What the file must compute: all of it from PyTorch, and none of it from the file."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from zoo_core.errors import NotVerifiedError
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.plugin_faults import blamed_on
from zoo_core.records import CheckResult
from zoo_core.tasks import decisions_of
from zoo_core.training.placement import keep_memory
from zoo_core.verification.expect.bounds import LARGEST_FLOOR, OutputBound, Reference
from zoo_core.verification.expect.selection_test import selection_expectations
from zoo_core.verification.expect.selections import Choice
from zoo_core.verification.expect.self_test import ROWS as SELF_TEST_ROWS
from zoo_core.verification.expect.self_test import expectations, input_draws, self_test_inputs
from zoo_core.verification.feed.rows import BATCH, PLAUSIBLE, Rows, make_rows, rows_needed
from zoo_core.verification.feed.sizes import Sizes, shown

from .beside import beside, can_copy
from .reference import Arrays, ReferenceResult, TorchReference
from .staged import StagedReference
from .staged_expected import STAGED_ROWS, check_composition, end_to_end, selection_vector

ROW_SEED = 20_000
SELF_TEST_SEED = 10_000
NARROW = 1e-3
NARROW_ROWS = 2
LEAST_CLEAR = 4
"""One in so many of the rows that a whole model chooses must be clear, or its self-test says too little."""
RUNNING = "running PyTorch in float32 and float64"
NEARLY_CONSTANT = "nearly constant"
"""Shows faults that noise averages out, such as a leak where a Relu belongs."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """Rows of one size: what goes in, and what has to come out. `sizes` are those of the free axes but the batch.

    `rows` are those where PyTorch itself is finite; `skipped` counts the others. `tests`: which of them are the rows of
    which part of the self-test.
    """

    sizes: Sizes
    rows: Rows = field(repr=False)
    bounds: Mapping[str, OutputBound] = field(repr=False)
    tests: tuple[tuple[Mapping[str, Any], tuple[int, ...]], ...] = field(default=(), repr=False)
    skipped: int = 0

    def __str__(self) -> str:
        return shown(self.sizes)


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the file must compute, case by case, the usual size first.

    `vectors` are rows of the usual case: real samples (or noise, where there is no dataset), with their outputs in
    float32. For a model in stages there are no bounds beforehand: `staged` gives them, for what the file gives to each
    stage; `choices` are what the whole of it chooses for some rows of the usual case. `told` are rules that PyTorch
    alone decides.
    """

    kind: Reference
    cases: tuple[Case, ...]
    vectors: tuple[int, ...]
    vector_outputs: Arrays = field(repr=False)
    validation: Arrays | None = field(default=None, repr=False)
    staged: StagedReference | None = field(default=None, repr=False)
    choices: Mapping[int, Choice] = field(default_factory=dict, repr=False)
    told: tuple[CheckResult, ...] = ()

    @property
    def usual(self) -> Case:
        """The case of the usual size, with all kinds of rows."""
        return self.cases[0]

    @property
    def vector_inputs(self) -> Arrays:
        """The inputs of the test vectors."""
        return dict(self.usual.rows.take(self.vectors).inputs)

    @property
    def self_test(self) -> dict[str, Any]:
        """What the file holds to test itself: the parts of all cases."""
        first, *others = (test for case in self.cases for test, _ in case.tests)
        return {**first, "others": others} if others else dict(first)


@contextlib.contextmanager
def started_expected(
    plan: ExportPlan, reference: TorchReference, *, progress: Callable[[str], None]
) -> Iterator[Callable[[], Expected]]:
    """Begin `compute_expected` beside what is done next; gives a function that waits for it, however often it is asked.

    `progress` is told when PyTorch is what everything waits for.
    """
    if plan.model.spec.stages is not None or not can_copy():
        # What the file gives to each stage is run by the same stages again, and those cannot be sent.
        progress(RUNNING)
        expected = compute_expected(plan, reference)
        yield lambda: expected
        return

    def work() -> Expected:
        keep_memory()
        # The conversion needs a processor too; a thread that is one too many costs both more than it gives.
        torch.set_num_threads(max(1, torch.get_num_threads() - 1))
        with blamed_on(plan.model):  # here, where its traceback is
            return compute_expected(plan, reference)

    with beside(work, what="PyTorch's side of the check") as wait:

        def waited() -> Expected:
            progress(RUNNING)
            return wait()

        yield functools.cache(waited)


def compute_expected(plan: ExportPlan, reference: TorchReference) -> Expected:
    """Run PyTorch on everything that the file will be asked. Raises NotVerifiedError where PyTorch is no reference."""
    if plan.model.spec.stages is not None:
        return _compute_staged(plan, reference)
    usual, *others = plan.size_cases
    count = rows_needed(plan.inputs, ranges=plan.ranges, sizes=usual, least=SELF_TEST_ROWS)
    draws = {"noise": draws_of(plan, usual, plan.ranges, rows=count, seed=SELF_TEST_SEED)}
    if all(spec.dtype.startswith("float") for spec in plan.inputs.values()):
        narrow = {name: _nearly_constant(*limits) for name, limits in plan.ranges.items()}
        draws[NEARLY_CONSTANT] = draws_of(plan, usual, narrow, rows=NARROW_ROWS, seed=SELF_TEST_SEED + 25)
    given: dict[str, Mapping[str, Any]] = {kind: self_test_inputs(draw) for kind, draw in draws.items()}
    if plan.validation is not None:
        given = {"sample": plan.validation.spread(), **given}
    rows = make_rows(plan.inputs, ranges=plan.ranges, given=given, sizes=usual, seed=ROW_SEED)
    result = reference.run(rows.inputs)
    _check_readable(plan, result)
    corner = np.flatnonzero(_corners(rows))
    moved = _moved(reference, rows, corner, result.take(corner))
    first = _case(plan, result, rows, usual, draws, moved=moved)
    cases = [first, *(other_case(plan, reference, sizes, first, number) for number, sizes in enumerate(others))]
    vectors = _vector_rows(first.rows, free=plan.batch_is_free)
    return Expected(
        kind=result.kind,
        cases=tuple(cases),
        vectors=vectors,
        vector_outputs={n: b.expected[list(vectors)].astype(plan.outputs[n].dtype) for n, b in first.bounds.items()},
        validation=reference.float32(plan.validation.inputs) if plan.validation is not None else None,
    )


def _nearly_constant(low: float, high: float) -> tuple[float, float]:
    middle = (low + high) / 2
    return middle, middle + NARROW * (high - low)


def _compute_staged(plan: ExportPlan, reference: TorchReference) -> Expected:
    sizes = plan.size_cases[0]
    draw = draws_of(plan, sizes, plan.ranges, rows=STAGED_ROWS, seed=SELF_TEST_SEED)
    given: dict[str, Mapping[str, Any]] = {"noise": self_test_inputs(draw)}
    if plan.validation is not None:
        given = {"sample": plan.validation.spread(STAGED_ROWS), **given}
    rows = make_rows(plan.inputs, ranges=plan.ranges, given=given, sizes=sizes, seed=ROW_SEED)
    reference.require_reproducible({name: value[:1] for name, value in rows.inputs.items()})
    staged = StagedReference(plan.model.spec, reference)
    told = check_composition(plan, reference, staged, rows)
    choices = {row: end_to_end(reference, rows.inputs, row) for row in rows.of("noise")}
    for choice in choices.values():
        if choice.clear_count * LEAST_CLEAR < max(choice.count, 1):
            clear = f"{choice.clear_count} of {choice.count}"
            raise NotVerifiedError(f"{plan.model.name}: only {clear} rows that it chooses are clear, in PyTorch itself")
    test = {**draw, **selection_expectations(list(choices.values()))}
    vector, outputs = selection_vector(plan, reference, rows)
    return Expected(
        kind="float64",
        cases=(Case(sizes=sizes, rows=rows, bounds={}, tests=((test, tuple(choices)),)),),
        vectors=(vector,),
        vector_outputs=outputs,
        staged=staged,
        choices=choices,
        told=told,
    )


def _check_readable(plan: ExportPlan, result: ReferenceResult) -> None:
    """Outputs of another type than declared, or that the task cannot read, are told before anything is converted."""
    own = plan.outputs if plan.model.spec.export_wrapper is None else {}
    for name, spec in own.items():
        if (found := result.float32[name].dtype.name) != spec.dtype:
            raise NotVerifiedError(
                f"{name} is {found} in PyTorch, and declared as {spec.dtype}",
                hint=f'declare it with dtype="{found}", or convert it in forward',
            )
    if (deciding := decisions_of(plan.model.spec.task)) is not None:
        deciding.decisions(result.float32)


def _case(
    plan: ExportPlan,
    result: ReferenceResult,
    rows: Rows,
    sizes: Sizes,
    draws: Mapping[str, Mapping[str, Any]],
    known: Mapping[str, OutputBound] | None = None,
    moved: Arrays | None = None,
) -> Case:
    """The case of these rows; `draws`: how the rows of some kinds are drawn again, by the self-test."""
    kept = np.flatnonzero(result.finite)
    where = f" with {shown(sizes)}" if sizes else ""
    if not len(kept):
        raise NotVerifiedError(f"{plan.model.name} gives no finite output for any input{where}, in PyTorch itself")
    shifts = {name: value[kept] for name, value in (moved or {}).items()}
    bounds = result.take(kept).bounds(known=known, corner=_corners(rows)[kept], moved=shifts)
    for name, bound in bounds.items():
        if bound.relative_floor > LARGEST_FLOOR:
            raise NotVerifiedError(
                f"{name} in float32 is {bound.relative_floor:.2g} of its size away from float64, in PyTorch itself",
                hint="the model is too ill-conditioned to be checked",
            )
    left = rows.take(kept)
    tests = []
    for number, (kind, draw) in enumerate(draws.items()):
        index = left.of(kind)
        if len(index) == len(rows.of(kind)):
            some = {name: bound.take(list(index)) for name, bound in bounds.items()}
            tests.append((expectations(draw, some, seed=SELF_TEST_SEED + number), index))
        elif kind in PLAUSIBLE:
            raise NotVerifiedError(f"{plan.model.name} gives outputs that are not finite for plausible inputs{where}")
    return Case(sizes=sizes, rows=left, bounds=bounds, tests=tuple(tests), skipped=len(rows) - len(kept))


def _corners(rows: Rows) -> NDArray[np.bool_]:
    return np.array([kind not in PLAUSIBLE for kind in rows.kinds])


def _moved(reference: TorchReference, rows: Rows, corner: NDArray[np.int64], result: ReferenceResult) -> dict[str, Any]:
    """How far the outputs of corner rows move with rounding errors of their inputs, (rows,); 0 for the others."""
    found = reference.moved(rows.take(corner).inputs, result)
    return {name: _spread(value, corner, len(rows)) for name, value in found.items()}


def _spread(values: NDArray[Any], index: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    spread = np.zeros(count)
    spread[index] = values
    return spread


def other_case(plan: ExportPlan, reference: TorchReference, sizes: Sizes, usual: Case, number: int) -> Case:
    """The case of other sizes than the usual ones, the `number`-th of them."""
    seed = SELF_TEST_SEED + 50 * (number + 1)
    draw = draws_of(plan, sizes, plan.ranges, rows=SELF_TEST_ROWS, seed=seed)
    rows = Rows(inputs=self_test_inputs(draw), kinds=("noise",) * SELF_TEST_ROWS)
    # Few rows have a noisy floor: that of the usual size is theirs as well.
    return _case(plan, reference.run(rows.inputs), rows, sizes, {"noise": draw}, known=usual.bounds)


def _vector_rows(rows: Rows, *, free: bool) -> tuple[int, ...]:
    found = rows.of("sample" if "sample" in rows.kinds else "noise")
    return found if free else found[:1]


def draws_of(
    plan: ExportPlan, sizes: Sizes, ranges: Mapping[str, tuple[float, float]], *, rows: int, seed: int
) -> dict[str, Any]:
    """How rows of these sizes are drawn, here and by everybody who runs the self-test."""
    return input_draws(
        {name: (rows, *spec.shape({BATCH: 1, **sizes})[1:]) for name, spec in plan.inputs.items()},
        ranges=ranges,
        dtypes={name: spec.dtype for name, spec in plan.inputs.items()},
        seed=seed,
    )
