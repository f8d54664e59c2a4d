"""What the file must compute: all of it from PyTorch, and none of it from the file."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from zoo_core.errors import NotVerifiedError
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.plugin_faults import blamed_on
from zoo_core.records import CheckResult
from zoo_core.training.placement import keep_memory
from zoo_core.verification.expect.bounds import Reference
from zoo_core.verification.expect.selection_test import selection_expectations
from zoo_core.verification.expect.selections import Choice
from zoo_core.verification.feed.rows import LOW, Rows, make_rows
from zoo_core.verification.feed.sizes import Sizes

from .beside import beside, can_copy
from .case import (
    ROW_SEED,
    SEED_STEP,
    SELF_TEST_SEED,
    Case,
    case_of,
    corners,
    hardly_varies,
    moved_of,
    other_case,
)
from .few_numbers import bounds_of_further_rows
from .reference import Arrays, ReferenceResult, TorchReference
from .staged import StagedReference
from .staged_expected import check_composition, end_to_end, one_row, selection_vector
from .staged_rows import telling_noise, telling_samples
from .usual_rows import usual_rows

LARGE = 1 << 27
"""Bytes of weights from which memory counts for more than the time that it takes to ask for it again."""
RUNNING = "running PyTorch in float32 and float64"


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the file must compute, case by case, the usual size first.

    `vectors` are rows of the usual case: real samples (or noise, where there is no dataset), with their outputs in
    float32. For a model in stages there are no bounds beforehand: `staged` gives them, for what the file gives to each
    stage; `choices` are what the whole of it chooses for some rows of the usual case, and `chosen` for each sample of
    the validation split. `told` are rules that PyTorch alone decides. `seed`: which rows these are, 0 but for a file
    that is made once more.
    """

    kind: Reference
    cases: tuple[Case, ...]
    vectors: tuple[int, ...]
    vector_outputs: Arrays = field(repr=False)
    validation: Arrays | None = field(default=None, repr=False)
    staged: StagedReference | None = field(default=None, repr=False)
    choices: Mapping[int, Choice] = field(default_factory=dict, repr=False)
    chosen: tuple[Arrays, ...] = field(default=(), repr=False)
    told: tuple[CheckResult, ...] = ()
    seed: int = 0

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
        if sum(tensor.nbytes for tensor in plan.checkpoint.values()) < LARGE:
            keep_memory()  # what is freed of a large model would be missing elsewhere
        # The conversion needs a processor too; a thread that is one too many costs both more than it gives.
        torch.set_num_threads(max(1, torch.get_num_threads() - 1))
        with blamed_on(plan.model):  # here, where its traceback is
            return compute_expected(plan, reference)

    with beside(work, what="PyTorch's side of the check") as wait:

        def waited() -> Expected:
            progress(RUNNING)
            return wait()

        yield functools.cache(waited)


def compute_expected(plan: ExportPlan, reference: TorchReference, *, seed: int = 0) -> Expected:
    """Run PyTorch on everything that the file will be asked; another `seed`, other rows.

    Raises NotVerifiedError where PyTorch is no reference.
    """
    if plan.model.spec.stages is not None:
        return _compute_staged(plan, reference, seed)
    usual, *others = plan.size_cases
    first = _usual_case(plan, reference, usual, seed=seed)
    if hardly_varies(first):
        first = _usual_case(plan, reference, usual, seed=seed, with_ends=True)
    cases = [other_case(plan, reference, sizes, first, number, seed=seed) for number, sizes in enumerate(others)]
    vectors = _vector_rows(first.rows, free=plan.batch_is_free)
    return Expected(
        kind=next(iter(first.bounds.values())).noise.reference,
        cases=(first, *cases),
        vectors=vectors,
        vector_outputs={n: b.expected[list(vectors)].astype(plan.outputs[n].dtype) for n, b in first.bounds.items()},
        validation=reference.float32(plan.validation.inputs) if plan.validation is not None else None,
        seed=seed,
    )


def with_all_exact(plan: ExportPlan, reference: TorchReference, known: Expected) -> Expected:
    """The same, with a float64 result for every row of the usual size."""
    with_ends = LOW in known.usual.rows.kinds
    first = _usual_case(plan, reference, known.usual.sizes, seed=known.seed, with_ends=with_ends, all_exact=True)
    return dataclasses.replace(known, cases=(first, *known.cases[1:]))


def _usual_case(
    plan: ExportPlan,
    reference: TorchReference,
    sizes: Sizes,
    *,
    seed: int,
    with_ends: bool = False,
    all_exact: bool = False,
) -> Case:
    usual = usual_rows(plan, reference, sizes, seed=seed, with_ends=with_ends, all_exact=all_exact)
    _check_readable(plan, usual.result)
    corner = np.flatnonzero([all_exact or kind in usual.draws for kind in usual.rows.kinds] & corners(usual.rows))
    moved = moved_of(reference, usual.rows, corner, usual.result.take(corner)) if len(corner) else None
    own_seed = SELF_TEST_SEED + SEED_STEP * seed
    further = bounds_of_further_rows(plan, reference, sizes, usual.result, seed=ROW_SEED + SEED_STEP * seed + 50)
    case = case_of(plan, usual.result, usual.rows, sizes, usual.draws, known=further, moved=moved, seed=own_seed)
    return dataclasses.replace(case, refused=usual.refused, assumed=usual.assumed)


def _compute_staged(plan: ExportPlan, reference: TorchReference, seed: int) -> Expected:
    sizes, row_seed = plan.size_cases[0], ROW_SEED + SEED_STEP * seed
    first = make_rows(plan.inputs, ranges=plan.ranges, sizes=sizes, seed=row_seed)
    reference.require_reproducible(one_row(first.inputs, 0))
    chosen = _chosen(plan, reference)
    noise = telling_noise(plan, reference, sizes, seed=seed)
    given: dict[str, Mapping[str, Any]] = {"noise": noise.inputs}
    if (samples := telling_samples(plan, chosen)) is not None:
        given = {"sample": samples, **given}
    rows = make_rows(plan.inputs, ranges=plan.ranges, given=given, sizes=sizes, seed=row_seed)
    staged = StagedReference(plan.model.spec, reference)
    told = check_composition(plan, reference, staged, rows)
    choices = {row: end_to_end(reference, rows.inputs, row) for row in rows.of("sample")}
    choices |= dict(zip(rows.of("noise"), noise.choices, strict=True))
    test = {**noise.draw, **selection_expectations(noise.choices)}
    vector, outputs = selection_vector(plan, reference, rows)
    return Expected(
        kind="float64",
        cases=(Case(sizes=sizes, rows=rows, bounds={}, tests=((test, rows.of("noise")),)),),
        vectors=(vector,),
        vector_outputs=outputs,
        staged=staged,
        choices=choices,
        chosen=chosen,
        told=told,
        seed=seed,
    )


def _chosen(plan: ExportPlan, reference: TorchReference) -> tuple[Arrays, ...]:
    """What PyTorch chooses for each real sample, in float32."""
    if plan.validation is None or not plan.task.spec.is_trained:
        return ()
    inputs = plan.validation.inputs
    return tuple(reference.float32(one_row(inputs, row)) for row in range(len(plan.validation.targets)))


def _check_readable(plan: ExportPlan, result: ReferenceResult) -> None:
    """Outputs of another type than declared, or that the task cannot read, are told before anything is converted."""
    own = plan.outputs if plan.model.spec.export_wrapper is None else {}
    for name, spec in own.items():
        if (found := result.float32[name].dtype.name) != spec.dtype:
            raise NotVerifiedError(
                f"{name} is {found} in PyTorch, and declared as {spec.dtype}",
                hint=f'declare it with dtype="{found}", or convert it in forward',
            )
    if (deciding := plan.task.deciding) is not None:
        deciding.decisions(result.float32)


def _vector_rows(rows: Rows, *, free: bool) -> tuple[int, ...]:
    found = rows.of("sample" if "sample" in rows.kinds else "noise")
    return found if free else found[:1]
