"""What two files answer to the inputs of their self-tests: how far apart, and how many decisions are others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import ZooError
from zoo_core.commands import counted
from zoo_core.runtime import Isolated, open_model
from zoo_core.tasks import get_task
from zoo_core.verification import SelfTestCase, self_test_cases

from .numbers import gaps, ratio
from .sides import Side

REFUSED = 4
"""The exit code of a file that is not safe to open."""

MOST_DRAWN = 4_000
"""Values of an output that are kept for the picture."""

_Pair = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class OutputDifference:
    """One output of both, over all inputs.

    `largest` is max|B - A|, `relative` that as a part of max|A|; infinite for outputs of other shapes. `bound` is what
    A allows itself, None where its self-test says nothing. Both are of the size of inputs in which the difference is
    largest beside the bound.
    """

    name: str
    b: str
    largest: float
    relative: float
    bound: float | None
    values: int
    shapes: str = ""
    drawn: tuple[NDArray[np.float64], NDArray[np.float64]] | None = field(default=None, repr=False)

    @property
    def is_within(self) -> bool:
        """Whether the difference is one that A's own check would let pass."""
        return self.largest <= (self.bound or 0.0)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, without the values themselves."""
        keys = ("name", "b", "largest", "relative", "bound", "values", "shapes")
        return {**{key: getattr(self, key) for key in keys}, "within": self.is_within}


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What both answered to `rows` inputs; `why_not` says why nobody asked them. `decisions`: flipped, of how many."""

    why_not: str = ""
    rows: int = 0
    tests: str = ""
    outputs: tuple[OutputDifference, ...] = ()
    decisions: tuple[int, int] | None = None
    undecided: str = ""

    @property
    def is_equal(self) -> bool:
        """Whether all answers are equal to the bit."""
        return not self.why_not and all(not output.largest for output in self.outputs)

    @property
    def is_within(self) -> bool:
        """Whether all answers are within A's bounds, and all decisions the same."""
        return not self.why_not and all(each.is_within for each in self.outputs) and not (self.decisions or (0, 0))[0]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; `decisions` is null for tasks that decide nothing."""
        decisions = None if self.decisions is None else dict(zip(("flipped", "of"), self.decisions, strict=True))
        return {
            "compared": not self.why_not,
            "why_not": self.why_not or None,
            "rows": self.rows,
            "self_tests": self.tests,
            "outputs": [output.to_json() for output in self.outputs],
            "decisions": decisions,
        }


def compare_behaviour(a: Side, b: Side, *, isolated: Isolated) -> Behaviour:
    """Run both on the inputs of A's self-test, and of B's where it draws others; one after the other.

    A file that this machine does not know runs in a process of its own, as `isolated` says. Raises RefusedFileError.
    """
    if reason := _cannot(a, b):
        return Behaviour(why_not=reason)
    try:
        cases, tests = _cases(a, b)
        if not cases:
            return Behaviour(why_not="neither file holds a self-test with inputs for both")
        answers = [_answers(side, a, cases, isolated) for side in (a, b)]
        decisions, undecided = _decisions(a, b, *answers)
    except ZooError as error:
        if error.exit_code == REFUSED:
            raise
        return Behaviour(why_not=error.message)
    bounds = _bounds(a, len(cases))
    outputs = []
    for place, (name, other) in enumerate(zip(_output_names(a), _output_names(b), strict=True)):
        pairs = [(one[place], two[place]) for one, two in zip(*answers, strict=True)]
        outputs.append(_compared(name, other, pairs, [case.get(name) for case in bounds]))
    rows = sum(len(next(iter(inputs.values()))) for inputs in cases)
    return Behaviour(rows=rows, tests=tests, outputs=tuple(outputs), decisions=decisions, undecided=undecided)


def _cannot(a: Side, b: Side) -> str:
    """Why both cannot be asked the same; empty where they can."""
    if a.metadata is None or b.metadata is None:
        if a.metadata is None and b.metadata is None:
            return "neither file holds a self-test: zoo export makes it"
        return f"{'A' if a.metadata is None else 'B'} holds no self-test: zoo export makes it"
    for role, mine, theirs in (("inputs", a.file.inputs, b.file.inputs), ("outputs", a.file.outputs, b.file.outputs)):
        if len(mine) != len(theirs):
            return f"A has {counted(len(mine), role.removesuffix('s'))}, and B has {len(theirs)}"
        if role == "inputs" and [value.dtype for value in mine] != [value.dtype for value in theirs]:
            return "their inputs are of other types"
    return ""


def _cases(a: Side, b: Side) -> tuple[list[dict[str, NDArray[Any]]], str]:
    """Inputs by their names in A, and whose self-tests they are."""
    mine, theirs = (self_test_cases(side.metadata) if side.metadata is not None else () for side in (a, b))
    renamed = dict(zip(_input_names(b), _input_names(a), strict=True))
    known = [_drawn(case) for case in mine]
    found = [case.inputs() for case in mine]
    more = [case for case in theirs if _drawn(case) not in known]
    found += [{renamed[name]: array for name, array in case.inputs().items()} for case in more]
    return found, "A and B" if mine and more else "A" if mine else "B"


def _drawn(case: SelfTestCase) -> tuple[Any, ...]:
    """What two cases have in common whose inputs are equal, whatever these are called."""
    return (case.draw["generator"], list(case.draw["inputs"].values()))


def _answers(
    side: Side, a: Side, cases: Sequence[Mapping[str, NDArray[Any]]], isolated: Isolated
) -> list[list[NDArray[Any]]]:
    """For each case, the outputs in their order."""
    renamed = dict(zip(_input_names(a), _input_names(side), strict=True))
    names = _output_names(side)
    with open_model(side.path, isolated=isolated, edited=True) as model:
        ran = [model.run_rows({renamed[name]: array for name, array in inputs.items()}) for inputs in cases]
    return [[outputs[name] for name in names] for outputs in ran]


def _decisions(
    a: Side, b: Side, mine: list[list[NDArray[Any]]], theirs: list[list[NDArray[Any]]]
) -> tuple[tuple[int, int] | None, str]:
    """How many decisions flip, and of how many; or why that is not known."""
    if a.metadata is None or b.metadata is None or a.metadata.task != b.metadata.task:
        return None, "they are of other tasks"
    try:
        meaning = get_task(a.metadata.task, plugin=a.metadata.task_plugin, settings=a.metadata.task_settings)
        if meaning.deciding is None:
            return None, ""
        flipped = total = 0
        for one, two in zip(mine, theirs, strict=True):
            decided = [meaning.deciding.decisions(_named(a, arrays)) for arrays in (one, two)]
            if decided[0].shape != decided[1].shape:
                return None, "the outputs have other shapes"
            flipped += int((decided[0] != decided[1]).sum())
            total += decided[0].size
    except ZooError as error:
        return None, error.message
    return (flipped, total), ""


def _named(a: Side, arrays: Sequence[NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return dict(zip(_output_names(a), arrays, strict=True))


def _input_names(side: Side) -> list[str]:
    return [value.name for value in side.file.inputs]


def _output_names(side: Side) -> list[str]:
    return [value.name for value in side.file.outputs]


def _bounds(a: Side, count: int) -> list[Mapping[str, float]]:
    """A's bounds for each case; for inputs of B's self-test those that A has for its usual size."""
    cases = self_test_cases(a.metadata) if a.metadata is not None else ()
    own: list[Mapping[str, float]] = [case.bounds for case in cases]
    return own + [own[0] if own else {}] * (count - len(own))


def _compared(name: str, other: str, pairs: Sequence[_Pair], bounds: Sequence[float | None]) -> OutputDifference:
    unlike = [(one, two) for one, two in pairs if one.shape != two.shape]
    if unlike:
        one, two = unlike[0]
        shapes = f"{list(one.shape)} in A, {list(two.shape)} in B"
        bound = bounds[0]
        return OutputDifference(
            name=name, b=other, bound=bound, largest=np.inf, relative=np.inf, values=0, shapes=shapes
        )
    apart = [float(gaps(one, two).max(initial=0.0)) for one, two in pairs]
    worst = max(range(len(pairs)), key=lambda case: (ratio(apart[case], bounds[case] or 0.0), apart[case]))
    mine, theirs = (np.concatenate([pair[side].reshape(-1) for pair in pairs]).astype(np.float64) for side in (0, 1))
    size = np.abs(pairs[worst][0].astype(np.float64))
    step = -(-mine.size // MOST_DRAWN) or 1
    return OutputDifference(
        name=name,
        b=other,
        bound=bounds[worst],
        largest=apart[worst],
        relative=ratio(apart[worst], float(size[np.isfinite(size)].max(initial=0.0))),
        values=mine.size,
        drawn=(mine[::step], theirs[::step]),
    )
