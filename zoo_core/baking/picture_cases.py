"""What a file that prepares its pictures must give: what PyTorch computes of what Pillow and numpy have prepared."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.export.plan.plan import ExportPlan
from zoo_core.export.reference.reference import Arrays, ReferenceResult, TorchReference
from zoo_core.shapes import TensorSpec
from zoo_core.verification.expect.bounds import OutputBound, Reference
from zoo_core.verification.expect.self_test import expectations
from zoo_core.verification.expect.sensitivity import needed_variation, variation_of

from .head import PROBABILITIES, Head
from .tried_pictures import OWN, SEED, Pictures

VECTORS = 4
MOST_VECTOR_PIXELS = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Case:
    """Pictures of one size, with the float64 outputs and the bound of each."""

    pictures: Pictures
    bounds: Mapping[str, OutputBound] = field(repr=False)

    @property
    def spread(self) -> float:
        """How much the output that varies least does so, in parts of what it has to."""
        found = []
        for bound in self.bounds.values():
            needed = needed_variation(float(bound.bound.max()), whole=bound.noise.whole)
            found.append(variation_of(bound.expected) / needed if needed else np.inf)
        return float(min(found))


@dataclass(frozen=True, kw_only=True)
class Expected:
    """Every case, those of the self-test first; what the file holds to test itself; and test vectors."""

    kind: Reference
    drawn: Sequence[Case]
    real: Sequence[Case]
    self_test: Mapping[str, Any] = field(repr=False)
    vector_inputs: Arrays = field(repr=False)
    vector_outputs: Arrays = field(repr=False)

    @property
    def cases(self) -> list[Case]:
        """All of them."""
        return [*self.drawn, *self.real]


def expected_of(
    plan: ExportPlan,
    reference: TorchReference,
    outputs: Mapping[str, TensorSpec],
    *,
    name: str,
    drawn: Sequence[Pictures],
    real: Sequence[Pictures],
    head: Head | None,
) -> Expected:
    """Run PyTorch on all pictures. `name` is the input, `outputs` are those of the file. Raises NotVerifiedError where
    PyTorch is no reference."""
    kind, cases = _judged([*drawn, *real], reference, head)
    tests, others = cases[: len(drawn)], cases[len(drawn) :]
    tests = sorted(tests, key=lambda case: -case.spread)  # the usual one is the one that says most
    first, *more = (
        expectations(case.pictures.draw or {}, case.bounds, seed=SEED + 500 + number)
        for number, case in enumerate(tests)
    )
    vectors = _vectors(others or tests)
    rows = slice(0, VECTORS if plan.batch_is_free else 1)
    return Expected(
        kind=kind,
        drawn=tests,
        real=others,
        self_test={**first, **({"others": more} if more else {})},
        vector_inputs={name: vectors.pictures.pixels[rows]},
        vector_outputs={
            each: bound.expected[rows].astype(outputs[each].dtype) for each, bound in vectors.bounds.items()
        },
    )


def _vectors(cases: Sequence[Case]) -> Case:
    """Real pictures for the test vectors: the dataset's own where there are some, and no very large ones."""
    order = sorted(cases, key=lambda case: (case.pictures.source != OWN, _is_large(case), -len(case.pictures)))
    return next((case for case in order if not _is_large(case)), order[0])


def _is_large(case: Case) -> bool:
    return case.pictures.pixels[:VECTORS].size > MOST_VECTOR_PIXELS * 3


def _judged(pictures: Sequence[Pictures], reference: TorchReference, head: Head | None) -> tuple[Reference, list[Case]]:
    """The cases in order. Those that have one size once they are prepared are run together: their noise is alike."""
    together: dict[tuple[int, ...], list[int]] = {}
    for place, some in enumerate(pictures):
        together.setdefault(some.prepared.shape[1:], []).append(place)
    found: dict[int, Case] = {}
    known: Mapping[str, OutputBound] | None = None
    kind: Reference = "float64"
    for places in together.values():
        rows = np.concatenate([pictures[place].prepared for place in places])
        result = with_head(_run(reference, rows), head)
        bounds = result.bounds(known=known)
        known, kind, start = known or bounds, result.kind, 0
        for place in places:
            index = list(range(start, start + len(pictures[place])))
            start += len(index)
            own = {name: bound.take(index) for name, bound in bounds.items()}
            found[place] = Case(pictures=pictures[place], bounds=own)
    return kind, [found[place] for place in range(len(pictures))]


def _run(reference: TorchReference, rows: NDArray[np.float32]) -> ReferenceResult:
    return reference.run({"pictures": rows})


def with_head(result: ReferenceResult, head: Head | None) -> ReferenceResult:
    """The outputs with the probabilities that follow from them, in each precision."""
    if head is None:
        return result
    single = {**result.float32, PROBABILITIES: head.of(result.float32)}
    double = {**result.float64, PROBABILITIES: head.of(result.float64)}
    return dataclasses.replace(result, float32=single, float64=double)
