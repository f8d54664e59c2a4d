"""The self-test in a file: what it finds, and what a damaged one says."""

from __future__ import annotations

import numpy as np
import pytest

from zoo_core import ZooError
from zoo_core.verification.expect.bounds import (
    bound_output,
)
from zoo_core.verification.expect.self_test import check_self_test, expectations, input_draws, self_test_inputs


def _test_of(values: np.ndarray) -> dict[str, object]:
    draw = input_draws({"x": (2, 3)}, ranges={"x": (0.0, 1.0)}, dtypes={"x": "float32"}, seed=5)
    bound = bound_output("y", float32=values.astype(np.float32), float64=values)
    return expectations(draw, {"y": bound}, seed=5)


def test_a_self_test_finds_a_changed_output() -> None:
    values = np.linspace(0.1, 1, 6).reshape(2, 3)
    test = _test_of(values)
    assert self_test_inputs(test)["x"].shape == (2, 3)
    results, errors = check_self_test("all", test, {"y": values.astype(np.float32)})
    assert [result.outcome for result in results] == ["passed"]
    assert errors[0].error <= errors[0].bound
    wrong = values.astype(np.float32)
    wrong[1, 2] += 1e-3
    assert check_self_test("all", test, {"y": wrong})[0][0].outcome == "failed"
    assert check_self_test("all", test, {"y": wrong.ravel()})[0][0].outcome == "failed"
    wrong[1, 2] = np.nan
    assert check_self_test("all", test, {"y": wrong})[0][0].outcome == "failed"


def test_a_damaged_self_test_is_an_error_not_a_pass() -> None:
    test = _test_of(np.ones((2, 3)))
    with pytest.raises(ZooError, match="unknown to this version"):
        self_test_inputs({**test, "generator": "other"})
    with pytest.raises(ZooError, match="damaged"):
        self_test_inputs({**test, "inputs": {"x": {"seed": 1}}})
    with pytest.raises(ZooError, match="the inputs of the self-test cannot be made"):
        self_test_inputs({**test, "inputs": {"x": {**test["inputs"]["x"], "shape": [2**50]}}})
    with pytest.raises(ZooError, match="it expects no output"):
        check_self_test("all", {**test, "outputs": {}}, {})
    outputs = {"y": {"shape": [2, 3], "positions": [99], "expected": [0.0], "bound": 1.0, "floor": 1.0}}
    with pytest.raises(ZooError, match="positions"):
        check_self_test("all", {**test, "outputs": outputs}, {"y": np.ones((2, 3))})
