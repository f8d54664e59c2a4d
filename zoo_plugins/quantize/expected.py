"""What a smaller file has to give for the inputs of its self-test and of its test vectors, by its own graph in float64.

The self-test draws the inputs that the float file draws, unless outputs hardly vary beside the noise there; then others
are tried. Its form is that of docs/format.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import TensorSpec, ZooError
from zoo_core.runtime import Metadata
from zoo_core.verification import SelfTestCase

from .chosen_rows import KEY as CHOSEN
from .chosen_rows import expected_rows
from .reference import EPS, Float64Graph
from .source import BATCH, Arrays

DISTURBED = 3
"""Runs in which whatever float32 rounds is moved."""
MARGIN = 2.0
"""Of the largest distance that was seen in them: how much more another machine may be off."""
ROUNDINGS = 8.0
"""Of the scale of an output, what is always allowed: float32 roundings at its end."""
VARIATION = 1000.0
"""So many bounds an output has to vary by, or `zoo verify` concludes nothing."""
TRIES = 6
HOPELESS = 4.0
"""Where so many times too little varies, other inputs do not help."""
VECTORS = 4

_DRAW = ("generator", "inputs")


@dataclass(frozen=True, kw_only=True)
class Runs:
    """The outputs of some rows: exactly, and disturbed."""

    exact: Arrays = field(repr=False)
    moved: tuple[Arrays, ...] = field(repr=False)

    def noise(self, name: str) -> float:
        """How far an output was moved, in its own units."""
        gaps = [_gap(self.exact[name], run[name]) for run in self.moved]
        return max(gaps, default=0.0)

    def scale(self, name: str) -> float:
        """The largest finite value of an output."""
        return _largest(self.exact[name])


@dataclass(frozen=True, kw_only=True)
class Expected:
    """The self-test, and the test vectors: inputs and what must come out."""

    self_test: Mapping[str, Any] = field(repr=False)
    vector_inputs: Arrays = field(repr=False)
    vector_outputs: Arrays = field(repr=False)
    bounds: Mapping[str, float]
    noise: Mapping[str, float]


def expected_of(graph: Float64Graph, metadata: Metadata, test: Mapping[str, Any], vectors: Arrays) -> Expected:
    """What a file with these inputs and outputs has to give. `test`: the self-test of the float file; `vectors`: inputs
    that are samples of the dataset.

    Raises ZooError where outputs hardly vary beside the noise, or the graph cannot be evaluated.
    """
    free = all(spec.axes[:1] == (BATCH,) for spec in metadata.inputs.values())
    if not free:
        vectors = {name: value[:1] for name, value in vectors.items()}
    if CHOSEN in test:
        return _choosing(graph, metadata, test, vectors)
    real = _runs(graph, vectors, metadata, free=free)
    tried = []
    for usual in _drawn_anew(test):
        drawn = _runs(graph, _inputs(usual), metadata, free=free)
        tried.append((_lack(drawn, real), usual, drawn))
        if not 1 < tried[-1][0] < HOPELESS:
            break
    lack, usual, drawn = min(tried, key=lambda each: each[0])
    if lack > 1:
        raise ZooError(
            "its answers hang by a hair: on another machine they may be off by so much that a self-test would prove "
            f"nothing (they vary by {VARIATION / lack:.0f} bounds, and {VARIATION:.0f} are needed)"
        )
    bounds = {name: max(_bound(drawn, name), _bound(real, name)) for name in drawn.exact}
    others = [_case(each, _runs(graph, _inputs(each), metadata, free=free), {}) for each in test.get("others", ())]
    whole = {**_case(usual, drawn, bounds), **({"others": others} if others else {})}
    return Expected(
        self_test=whole,
        vector_inputs=vectors,
        vector_outputs=_typed(real.exact, metadata),
        bounds=bounds,
        noise={name: max(drawn.noise(name), real.noise(name)) for name in bounds},
    )


def _choosing(graph: Float64Graph, metadata: Metadata, test: Mapping[str, Any], vectors: Arrays) -> Expected:
    """Of a model that chooses rows: those that every run chooses, for each input alone."""
    cases: list[dict[str, Any]] = []
    bounds: dict[str, float] = {}
    for case in (test, *test.get("others", ())):
        inputs = _inputs(case)
        rows = [_alone(inputs, row) for row in range(len(next(iter(inputs.values()))))]
        told = expected_rows([_both(graph, row) for row in rows], like=case[CHOSEN], margin=MARGIN)
        bounds = bounds or dict(told[CHOSEN]["bounds"])
        cases.append({**{key: case[key] for key in _DRAW}, **told})
    first = {name: value[:1] for name, value in vectors.items()}
    return Expected(
        self_test={**cases[0], **({"others": cases[1:]} if cases[1:] else {})},
        vector_inputs=first,
        vector_outputs=_typed(graph.run(first), metadata),
        bounds=bounds,
        noise={name: bound / MARGIN for name, bound in bounds.items()},
    )


def _drawn_anew(test: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The draw of the float file, and the same from other seeds."""
    for number in range(TRIES):
        inputs = {name: {**one, "seed": int(one["seed"]) + 100_000 * number} for name, one in test["inputs"].items()}
        yield {**test, "inputs": inputs}


def _inputs(case: Mapping[str, Any]) -> Arrays:
    return dict(SelfTestCase(draw={key: case[key] for key in _DRAW}, bounds={}).inputs())


def _runs(graph: Float64Graph, inputs: Arrays, metadata: Metadata, *, free: bool) -> Runs:
    """All rows together where the batch is free, else one after the other."""
    rows = len(next(iter(inputs.values())))
    parts = [inputs] if free else [_alone(inputs, row) for row in range(rows)]
    both = [_both(graph, part) for part in parts]
    runs = [_joined([each[number] for each in both]) for number in range(1 + DISTURBED)]
    for name, spec in metadata.outputs.items():
        if runs[0][name].ndim != len(spec.axes):
            raise ZooError(f"output {name!r} has {runs[0][name].ndim} axes, not {spec}")
    return Runs(exact=runs[0], moved=tuple(runs[1:]))


def _both(graph: Float64Graph, inputs: Arrays) -> list[Arrays]:
    return [graph.run(inputs), *(graph.disturbed(inputs, seed=seed) for seed in range(DISTURBED))]


def _alone(inputs: Arrays, row: int) -> Arrays:
    return {name: value[row : row + 1] for name, value in inputs.items()}


def _joined(parts: Sequence[Arrays]) -> Arrays:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _lack(drawn: Runs, real: Runs) -> float:
    """How much too little the output varies that varies least, beside its bound; at most 1 is enough."""
    found = []
    for name, value in drawn.exact.items():
        rows = np.concatenate([value, real.exact[name]]) if value.shape[1:] == real.exact[name].shape[1:] else value
        with np.errstate(invalid="ignore"):
            spread = np.ptp(rows.astype(np.float64), axis=0)
        varies = _largest(spread)
        needed = 1.0 if value.dtype.kind != "f" else VARIATION * max(_bound(drawn, name), _bound(real, name))
        found.append(needed / varies if varies else float("inf"))
    return max(found)


def _bound(runs: Runs, name: str) -> float:
    if runs.exact[name].dtype.kind != "f":
        return 0.5
    return MARGIN * runs.noise(name) + ROUNDINGS * EPS * runs.scale(name)


def _case(case: Mapping[str, Any], runs: Runs, bounds: Mapping[str, float]) -> dict[str, Any]:
    """A case of the self-test, at the places where that of the float file looks."""
    outputs = {}
    for name, told in case["outputs"].items():
        flat = runs.exact[name].reshape(-1)
        if list(runs.exact[name].shape) != list(told["shape"]):
            raise ZooError(f"output {name!r} has the shape {list(runs.exact[name].shape)}, not {told['shape']}")
        steady = np.isfinite(flat.astype(np.float64))
        if flat.dtype.kind != "f":  # what is rounded to whole numbers is either the same in every run, or not asked for
            steady &= np.all([run[name].reshape(-1) == flat for run in runs.moved], axis=0)
        places = [place for place in told["positions"] if steady[place]]
        if not places:
            raise ZooError(f"no value of output {name!r} is steady in the rows of the self-test")
        outputs[name] = {
            "shape": list(told["shape"]),
            "positions": places,
            "expected": [float(flat[place]) for place in places],
            "bound": float(bounds.get(name, _bound(runs, name))),
            "floor": float(max(runs.noise(name), EPS * runs.scale(name))),
            **({"finite": False} if told.get("finite") is False else {}),
        }
    return {**{key: case[key] for key in _DRAW}, "outputs": outputs}


def _typed(outputs: Arrays, metadata: Metadata) -> Arrays:
    """As the file gives them."""
    return {name: outputs[name].astype(_dtype(spec)) for name, spec in metadata.outputs.items()}


def _dtype(spec: TensorSpec) -> np.dtype[Any]:
    return np.dtype(spec.dtype)


def _gap(first: NDArray[Any], second: NDArray[Any]) -> float:
    if first.shape != second.shape:
        return float("inf")
    with np.errstate(invalid="ignore"):
        apart = np.where(first == second, 0.0, np.abs(first.astype(np.float64) - second.astype(np.float64)))
    return float(np.nan_to_num(apart, nan=0.0).max(initial=0.0))


def _largest(value: NDArray[Any]) -> float:
    wide = np.abs(value.astype(np.float64))
    return float(wide[np.isfinite(wide)].max(initial=0.0))
