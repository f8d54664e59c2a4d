"""Rule "recipes": of sources that travel in the file, each recipe makes the input that it made at the export.

Whether it is the recipe of the export at all, the seal of the whole file says.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import MissingExtraError, ZooError
from zoo_core.recipe_lookup import recipe_spec
from zoo_core.recipe_spec import Recipe
from zoo_core.recipes import InputRecipe, load_recipe
from zoo_core.records import CheckResult
from zoo_core.shapes import TensorSpec

from .plain_values import is_int, is_number

KEY = "recipes"
RULE = "recipes"
SEED = 3
EXAMPLES = 6
"""So many are made up; the shortest go into the file, as many as have a place there."""
MAX_SOURCES_BYTES = 2048
MAX_POSITIONS = 64
TOLERANCE = 1e-5
"""Of the largest value: what another library of mathematics may change."""


def recipe_tests(recipes: Mapping[str, Recipe]) -> dict[str, Any]:
    """For the self-test, of each input whose recipe has an example: `{input: {sources, shape, dtype, positions,
    expected}}`, plain JSON."""
    made = {}
    for name, recipe in recipes.items():
        # A recipe that does not take its own examples is for `zoo check` to tell; the check skips it, in words.
        with contextlib.suppress(Exception):
            made[name] = _test_of(recipe)
    return {name: test for name, test in made.items() if test is not None}


def _test_of(recipe: Recipe) -> dict[str, Any] | None:
    own = load_recipe(recipe)
    if not own.is_ready:
        return None
    examples = own.examples(EXAMPLES, random=np.random.Generator(np.random.Philox(SEED)))
    stored = _fitting([text for source in examples if (text := _written(source)) is not None])
    if not stored:
        return None
    array = _input_of(own, map(_read, stored))
    positions = _positions(array)
    return {
        "sources": stored,
        "shape": list(array.shape),
        "dtype": array.dtype.name,
        "positions": positions,
        "expected": [float(value) for value in array.reshape(-1)[positions]],
    }


def check_recipes(
    test: Mapping[str, Any] | None, recipes: Mapping[str, Recipe], inputs: Mapping[str, TensorSpec]
) -> list[CheckResult]:
    """Rule "recipes", for each input that has one; `test` is the self-test in the file. Never raises for what it finds.

    A recipe whose plugin or library is not here is skipped, as is one without an example.
    """
    tests = (test or {}).get(KEY)
    known = tests if isinstance(tests, Mapping) else {}
    lost = [name for name in known if name not in recipes]
    found = [_result("failed", f"the recipe of {name!r} is gone") for name in lost]
    return [*found, *(_checked(name, recipe, known.get(name), inputs[name]) for name, recipe in recipes.items())]


def _checked(name: str, recipe: Recipe, test: Any, spec: TensorSpec) -> CheckResult:
    if test is None:
        return _result("skipped", f"the file has no example for {name!r}")
    if not _is_whole(test):
        return _result("failed", f"the test of the recipe of {name!r} is damaged")
    try:
        recipe_spec(recipe.name, plugin=recipe.plugin)
    except ZooError as error:
        return _result("skipped", f"{name!r}: {error.message}")
    try:
        own = load_recipe(recipe)
        if own.shape is not None and not _can_be(spec, own.shape):
            return _result("failed", f"the recipe of {name!r} makes the shape {own.shape}, and the input is {spec}")
        array = _input_of(own, map(_read, test["sources"]))
    except MissingExtraError as error:
        return _result("skipped", f"{name!r}: {error.message}")
    except Exception as error:  # noqa: BLE001 whatever the plugin of a recipe raises
        told = error.message if isinstance(error, ZooError) else f"{type(error).__name__}: {error}"
        return _result("failed", f"the recipe of {name!r} does not take its own examples: {told}")
    if problem := _difference(array, test):
        return _result("failed", f"of its examples the recipe of {name!r} makes {problem}")
    return _result("passed", f"the recipe of {name!r} makes the same input of its examples")


def _difference(array: NDArray[Any], test: Mapping[str, Any]) -> str:
    """What is wrong with an input; empty for nothing."""
    if list(array.shape) != test["shape"] or array.dtype.name != test["dtype"]:
        return f"{array.dtype} of shape {list(array.shape)}, not {test['dtype']} of shape {test['shape']}"
    if not all(is_int(place, low=0, below=array.size) for place in test["positions"]):
        return "an input of which positions are asked that it does not have"
    expected = np.asarray(test["expected"], np.float64)
    gap = np.abs(array.reshape(-1)[test["positions"]].astype(np.float64) - expected)
    allowed = TOLERANCE * float(np.abs(expected).max(initial=0.0)) if array.dtype.kind == "f" else 0.0
    if np.all(gap <= allowed):  # written so that a NaN fails
        return ""
    return f"numbers that are off by {float(np.nan_to_num(gap, nan=np.inf).max()):.3g}; {allowed:.3g} is allowed"


def _input_of(recipe: InputRecipe, sources: Iterable[Any]) -> NDArray[Any]:
    return recipe.prepare(recipe.stack([recipe.read(source, name="an example of a source") for source in sources]))


def _positions(array: NDArray[Any]) -> list[int]:
    """Places spread over an input, few of them in its padding: where the most frequent value is."""
    flat = array.reshape(-1)
    values, counts = np.unique(flat, return_counts=True)
    is_padding = flat == values[counts.argmax()]
    chosen = [_spread(np.flatnonzero(~is_padding), MAX_POSITIONS * 3 // 4)]
    chosen.append(_spread(np.flatnonzero(is_padding), MAX_POSITIONS - len(chosen[0])))
    return sorted(int(place) for place in np.concatenate(chosen))


def _spread(places: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    if not len(places):
        return places
    return places[np.unique(np.linspace(0, len(places) - 1, min(most, len(places))).round().astype(np.int64))]


def _written(source: Any) -> dict[str, Any] | None:
    """A source as plain JSON; None for what cannot be that."""
    kind: dict[str, Any]
    if isinstance(source, bytes):
        kind = {"bytes": base64.b64encode(source).decode()}
    elif isinstance(source, str):
        kind = {"text": source}
    elif isinstance(source, Mapping):
        kind = {"row": dict(source)}
    elif isinstance(source, np.ndarray) and source.dtype.kind in "fiub":
        kind = {"array": source.tolist(), "dtype": source.dtype.name}
    else:
        return None
    try:
        json.dumps(kind, allow_nan=False)
    except (TypeError, ValueError):
        return None
    return kind


def _fitting(written: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The shortest ones that have a place together."""
    ordered = sorted(written, key=lambda each: len(json.dumps(each)))
    sizes = itertools.accumulate(len(json.dumps(each)) for each in ordered)
    return [each for each, size in zip(ordered, sizes, strict=True) if size <= MAX_SOURCES_BYTES]


def _read(stored: Mapping[str, Any]) -> Any:
    """The inverse of `_written`. Raises ZooError for what it never writes."""
    try:
        if "bytes" in stored:
            return base64.b64decode(stored["bytes"], validate=True)
        if "array" in stored:
            return np.array(stored["array"], np.dtype(stored["dtype"]))
        return stored["text"] if "text" in stored else dict(stored["row"])
    except (KeyError, TypeError, ValueError, binascii.Error, OverflowError):
        raise ZooError("one of them is damaged") from None


def _can_be(spec: TensorSpec, shape: tuple[int | None, ...]) -> bool:
    """Whether an input that is declared so can have such a shape: before anything of any size is made."""
    sizes = [axis.size for axis in spec.parsed[1:]]
    return len(sizes) == len(shape) and all(
        size is None or own is None or size == own for size, own in zip(sizes, shape, strict=True)
    )


def _is_whole(test: Any) -> bool:
    kinds = {"sources": list, "shape": list, "dtype": str, "positions": list, "expected": list}
    if not isinstance(test, Mapping) or not all(isinstance(test.get(key), kind) for key, kind in kinds.items()):
        return False
    if not test["sources"] or not all(isinstance(source, Mapping) for source in test["sources"]):
        return False
    return 0 < len(test["positions"]) == len(test["expected"]) and all(map(is_number, test["expected"]))


def _result(outcome: Any, detail: str) -> CheckResult:
    return CheckResult(rule=RULE, outcome=outcome, detail=detail)
