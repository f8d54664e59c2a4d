"""The test that travels inside the file: frozen inputs, sampled expected values and their bound."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import NotVerifiedError, ZooError
from zoo_core.records import CheckResult, OutputError, counted
from zoo_core.shapes import DTYPES, TensorSpec
from zoo_core.verification.feed.rows import BATCH, frozen_uniform, frozen_values
from zoo_core.verification.feed.sizes import Sizes, sizes_of

from .bounds import OutputBound
from .plain_values import is_int, is_number
from .selection_test import chooses, validate_selections

Array = NDArray[Any]

GENERATOR = "philox-uniform-24"
TYPED_GENERATOR = "philox-typed"
"""Draws integers and bool as what they are; older files draw them as floats that are cut off."""
MAX_POSITIONS = 256
MAX_OTHERS = 16
ROWS = 3
MIN_ROWS = 2
"""Fewer rows can neither differ from each other nor keep each other company."""
MAX_ELEMENTS = 2**28
"""Of all inputs and outputs together: a file must not be able to ask for all the memory there is."""


def cases_of(test: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The self-test of the usual size, and those of the `others`."""
    others = test.get("others", [])
    whole = isinstance(others, list) and all(isinstance(case, Mapping) for case in others)
    _require(whole and len(others) <= MAX_OTHERS, "its other sizes")
    return (test, *others)


def validated(
    test: Mapping[str, Any], *, inputs: Mapping[str, TensorSpec], outputs: Mapping[str, TensorSpec]
) -> Mapping[str, Any]:
    """The same self-test, once it is known to fit a file with these inputs and outputs, and to be worth running.

    Of each of its sizes: names, dtypes and shapes are those of the specs; all tensors have the same rows, at least 2,
    and no more elements together than MAX_ELEMENTS; every bound is above 0. Raises ZooError that says what is damaged.
    """
    for case in cases_of(test):
        _validate(case, inputs=inputs, outputs=outputs)
    return test


def _validate(test: Mapping[str, Any], *, inputs: Mapping[str, TensorSpec], outputs: Mapping[str, TensorSpec]) -> None:
    draws = _draws(test)
    rows = int(next(iter(draws.values()))["shape"][0])
    _require(rows >= MIN_ROWS, f"it has {rows} row, and at least {MIN_ROWS} are needed")
    sizes = self_test_sizes(test, inputs=inputs)
    if chooses(inputs, outputs):
        alone = all(spec.axes[:1] == (1,) for spec in inputs.values())
        _require(alone, "a model that chooses rows takes one input at a time")
        validate_selections(test, rows=rows, outputs={name: spec.bind(sizes) for name, spec in outputs.items()})
        expected: Mapping[str, Any] = {}
        outputs = {}
    else:
        expected = _outputs(test)
    for role, found, specs in (("input", draws, inputs), ("output", expected, outputs)):
        _require(set(found) == set(specs), f"its {role}s are {', '.join(found)}, not {', '.join(specs)}")
        for name, spec in specs.items():
            shape = batch_shape(spec, rows, sizes=sizes)
            text = f"{role} {name!r} has the shape {found[name]['shape']}, not {spec} with {counted(rows, 'row')}"
            _require(shape is not None and tuple(found[name]["shape"]) == shape, text)
    for name, draw in draws.items():
        _require(draw["dtype"] == inputs[name].dtype, f"input {name!r} is not {inputs[name].dtype}")
    for name, one in expected.items():
        _require(is_number(one["bound"]) and one["bound"] > 0, f"the bound of output {name!r} is not a number above 0")
        _require(
            is_number(one["floor"]) and one["floor"] >= 0, f"the floor of output {name!r} is not a number of at least 0"
        )
        _require(all(map(is_number, one["expected"])), f"output {name!r} expects something that is not a finite number")
    count = sum(math.prod(one["shape"]) for one in (*draws.values(), *expected.values()))
    _require(count <= MAX_ELEMENTS, f"it needs {count:,} numbers, more than the {MAX_ELEMENTS:,} that are allowed")


def self_test_sizes(test: Mapping[str, Any], *, inputs: Mapping[str, TensorSpec]) -> Sizes:
    """The sizes of the free axes besides the batch, as the inputs of a self-test have them.

    Raises ZooError that says what is damaged.
    """
    draws = _draws(test)
    _require(set(draws) == set(inputs), f"its inputs are {', '.join(draws)}, not {', '.join(inputs)}")
    shapes = {name: draw["shape"] for name, draw in draws.items()}
    try:
        sizes = sizes_of({name: (1, *shape[1:]) for name, shape in shapes.items()}, inputs)
    except ZooError:
        rows = next(iter(shapes.values()))[0]
        told = ", ".join(f"input {name!r} has the shape {shape}, not {inputs[name]}" for name, shape in shapes.items())
        raise _damaged(f"{told} with {counted(rows, 'row')}") from None
    return {axis: size for axis, size in sizes.items() if axis != BATCH}


def batch_shape(spec: TensorSpec, rows: int, *, sizes: Mapping[str, int] | None = None) -> tuple[int, ...] | None:
    """The shape of so many rows of a tensor, one after the other; `sizes`: the other free axes.

    None if its first axis is neither the batch nor fixed at 1, or another one has no size.
    """
    try:
        one = spec.shape(
            {**(sizes or {}), BATCH: 1}
        )  # what depends on the batch otherwise can have no size for one row
    except ZooError:
        return None
    return (rows, *one[1:]) if spec.axes[:1] in {(BATCH,), (1,)} else None


def self_test_inputs(draw: Mapping[str, Any]) -> dict[str, Array]:
    """The inputs that a self-test's draw stands for: `{generator, inputs: {name: {seed, shape, low, high, dtype}}}`.

    Raises ZooError for a generator that this version does not know, or a draw that is damaged.
    """
    try:
        with np.errstate(invalid="ignore"):  # a range that an integer dtype does not have
            return {name: _drawn(r, typed=draw["generator"] == TYPED_GENERATOR) for name, r in _draws(draw).items()}
    except (MemoryError, ValueError) as error:  # more numbers, or more axes, than numpy can hold
        raise ZooError(f"the inputs of the self-test cannot be made: {error}") from None


def _drawn(one: Mapping[str, Any], *, typed: bool) -> Array:
    shape, seed, low, high = (one[key] for key in ("shape", "seed", "low", "high"))
    if typed:
        return frozen_values(shape, dtype=one["dtype"], seed=seed, low=low, high=high)
    return frozen_uniform(shape, seed=seed, low=low, high=high).astype(one["dtype"])


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise _damaged(otherwise)


def _damaged(how: str) -> ZooError:
    return ZooError(f"the self-test in the file is damaged: {how}", hint="fetch the file or export it again")


def _is_shape(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(is_int(size, low=1, below=2**63) for size in value)


def _draws(test: Mapping[str, Any]) -> Mapping[str, Any]:
    """The draw of each input, all of it of the right types and such that numbers can be drawn from it."""
    if test.get("generator") not in (GENERATOR, TYPED_GENERATOR):
        raise ZooError(
            f"the self-test uses the generator {str(test.get('generator'))[:60]!r}, unknown to this version",
            hint="update zoo-core",
        )
    draws = test.get("inputs")
    if not isinstance(draws, Mapping) or not draws:
        raise ZooError("the self-test in the file is damaged: it has no input")
    for name, draw in draws.items():
        keys = {"seed", "shape", "low", "high", "dtype"}
        whole = isinstance(draw, Mapping) and keys <= set(draw)
        _require(whole, f"input {name!r} lacks one of {', '.join(sorted(keys))}")
        _require(is_int(draw["seed"], low=0, below=2**64), f"the seed of input {name!r}")
        _require(_is_shape(draw["shape"]), f"input {name!r} has the shape {str(draw['shape'])[:60]}")
        _require(draw["dtype"] in DTYPES, f"input {name!r} has the dtype {str(draw['dtype'])[:60]!r}")
        low, high = draw["low"], draw["high"]
        # Numbers are drawn in float32 whatever the dtype.
        limit = float(np.finfo("float16" if draw["dtype"] == "float16" else "float32").max)
        ordered = is_number(low) and is_number(high) and -limit <= low < high <= limit
        _require(ordered, f"the range of input {name!r} is {str(low)[:30]} to {str(high)[:30]}")
    return draws


def input_draws(
    shapes: Mapping[str, Sequence[int]],
    *,
    ranges: Mapping[str, tuple[float, float]],
    dtypes: Mapping[str, str],
    seed: int,
) -> dict[str, Any]:
    """The draw of the self-test's inputs, as plain JSON."""
    return {
        "generator": GENERATOR if all(dtype.startswith("float") for dtype in dtypes.values()) else TYPED_GENERATOR,
        "inputs": {
            name: {
                "seed": seed + number,
                "shape": [int(size) for size in shape],
                "low": ranges[name][0],
                "high": ranges[name][1],
                "dtype": dtypes[name],
            }
            for number, (name, shape) in enumerate(shapes.items())
        },
    }


def expectations(draw: Mapping[str, Any], bounds: Mapping[str, OutputBound], *, seed: int) -> dict[str, Any]:
    """The whole self-test: the draw and, for each output, its shape, sampled positions, expected values and bound."""
    outputs = {}
    for number, (name, bound) in enumerate(bounds.items()):
        positions = _ordinary(bound, _positions(bound.expected.size, seed=seed + 1000 + number))
        outputs[name] = {
            "shape": list(bound.expected.shape),
            "positions": [int(p) for p in positions],
            "expected": [float(v) for v in bound.expected.reshape(-1)[positions]],
            "bound": float(bound.bound.max()),
            "floor": float(bound.floor.max()),
        }
        if bound.odd is not None and bound.odd.special.any():
            outputs[name]["finite"] = False
    return {**draw, "outputs": outputs}


def _ordinary(bound: OutputBound, positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those of the positions whose value is known and finite, or the first that are. NotVerifiedError: none is."""
    if bound.odd is None:
        return positions
    ordinary = bound.odd.ordinary.reshape(-1)
    found = positions[ordinary[positions]]
    found = found if len(found) else np.flatnonzero(ordinary)[:MAX_POSITIONS]
    if not len(found):
        raise NotVerifiedError(
            f"{bound.name} has no finite value that PyTorch is sure of, in the rows of the self-test"
        )
    return found


def _positions(size: int, *, seed: int) -> NDArray[np.int64]:
    if size <= MAX_POSITIONS:
        return np.arange(size)
    drawn = frozen_uniform((MAX_POSITIONS,), seed=seed, low=0.0, high=float(size)).astype(np.int64)
    return np.unique(np.minimum(drawn, size - 1))


def check_self_test(
    where: str, test: Mapping[str, Any], actual: Mapping[str, Array]
) -> tuple[list[CheckResult], list[OutputError]]:
    """Rule "self-test": the sampled positions of every output are within the bound that the file states."""
    results, errors = [], []
    for name, expected in _outputs(test).items():
        if name not in actual:
            results.append(CheckResult(rule="self-test", outcome="failed", detail=f"there is no output {name}"))
            continue
        found = actual[name]
        if list(found.shape) != list(expected["shape"]):
            text = f"{name} has the shape {list(found.shape)}, not {expected['shape']}"
            results.append(CheckResult(rule="self-test", outcome="failed", detail=text))
            continue
        values = found.reshape(-1)[np.asarray(expected["positions"], dtype=np.int64)].astype(np.float64)
        gap = np.abs(values - np.asarray(expected["expected"], dtype=np.float64))
        error = float(np.nan_to_num(gap, nan=np.inf).max(initial=0.0))
        bound = float(expected["bound"])
        passed = bool(len(gap)) and error <= bound
        text = f"{where}: {name} is off by {error:.3g} at {len(gap)} positions; {bound:.3g} is allowed"
        results.append(CheckResult(rule="self-test", outcome="passed" if passed else "failed", detail=text))
        floor = float(expected["floor"])
        errors.append(OutputError(name=name, error=error, bound=bound, floors=error / floor if floor else 0.0))
    return results, errors


def _outputs(test: Mapping[str, Any]) -> Mapping[str, Any]:
    """What each output must be: every key is there, and every position lies inside the shape."""
    outputs = test.get("outputs")
    if not isinstance(outputs, Mapping) or not outputs:
        raise ZooError("the self-test in the file is damaged: it expects no output")
    for name, expected in outputs.items():
        keys = {"shape", "positions", "expected", "bound", "floor"}
        whole = isinstance(expected, Mapping) and keys <= set(expected)
        _require(whole, f"output {name!r} lacks one of {', '.join(sorted(keys))}")
        _require(_is_shape(expected["shape"]), f"output {name!r} has the shape {str(expected['shape'])[:60]}")
        count, positions, values = math.prod(expected["shape"]), expected["positions"], expected["expected"]
        lists = isinstance(positions, list) and isinstance(values, list) and len(positions) == len(values) > 0
        inside = lists and all(is_int(p, low=0, below=count) for p in positions)
        _require(inside, f"positions of output {name!r}")
        _require(isinstance(expected.get("finite", True), bool), f"what is finite in output {name!r}")
    return outputs


def infinite_outputs(test: Mapping[str, Any]) -> frozenset[str]:
    """Outputs in which PyTorch itself gives infinite or NaN values for plausible inputs."""
    cases = cases_of(test) if test else ()
    return frozenset(name for case in cases for name, one in _outputs(case).items() if one.get("finite", True) is False)
