"""The test that travels inside the file: frozen inputs, sampled expected values and their bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.records import CheckResult, OutputError

from .bounds import OutputBound
from .inputs import frozen_uniform

Array = NDArray[Any]

GENERATOR = "philox-uniform-24"
MAX_POSITIONS = 256
ROWS = 3


def self_test_inputs(recipe: Mapping[str, Any]) -> dict[str, Array]:
    """The inputs that a self-test's recipe stands for: `{generator, inputs: {name: {seed, shape, low, high, dtype}}}`.

    Raises ZooError for a generator that this version does not know, or a recipe that is damaged.
    """
    if recipe.get("generator") != GENERATOR:
        raise ZooError(
            f"the self-test uses the generator {recipe.get('generator')!r}, unknown to this version",
            hint="update zoo-core",
        )
    try:
        return {
            name: frozen_uniform(r["shape"], seed=r["seed"], low=r["low"], high=r["high"]).astype(r["dtype"])
            for name, r in recipe["inputs"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ZooError(f"the self-test in the file is damaged: {type(error).__name__}: {error}") from None


def input_recipe(
    shapes: Mapping[str, Sequence[int]],
    *,
    ranges: Mapping[str, tuple[float, float]],
    dtypes: Mapping[str, str],
    seed: int,
) -> dict[str, Any]:
    """The recipe of the self-test's inputs, as plain JSON."""
    return {
        "generator": GENERATOR,
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


def expectations(recipe: Mapping[str, Any], bounds: Mapping[str, OutputBound], *, seed: int) -> dict[str, Any]:
    """The whole self-test: the recipe and, for each output, its shape, sampled positions, expected values and bound."""
    outputs = {}
    for number, (name, bound) in enumerate(bounds.items()):
        positions = _positions(bound.expected.size, seed=seed + 1000 + number)
        outputs[name] = {
            "shape": list(bound.expected.shape),
            "positions": [int(p) for p in positions],
            "expected": [float(v) for v in bound.expected.reshape(-1)[positions]],
            "bound": float(bound.bound.max()),
            "floor": float((bound.relative_floor * bound.scale).max()),
        }
    return {**recipe, "outputs": outputs}


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
    outputs = test.get("outputs")
    if not isinstance(outputs, Mapping) or not outputs:
        raise ZooError("the self-test in the file is damaged: it expects no output")
    for name, expected in outputs.items():
        keys = {"shape", "positions", "expected", "bound", "floor"}
        if not isinstance(expected, Mapping) or not keys <= set(expected):
            raise ZooError(f"the self-test in the file is damaged: output {name!r} lacks {', '.join(sorted(keys))}")
        count = int(np.prod(expected["shape"], dtype=np.int64))
        positions = expected["positions"]
        inside = all(isinstance(p, int) and 0 <= p < count for p in positions)
        if not inside or len(positions) != len(expected["expected"]):
            raise ZooError(f"the self-test in the file is damaged: positions of output {name!r}")
    return outputs
