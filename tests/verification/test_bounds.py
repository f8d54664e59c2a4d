"""Bounds: what passes, what fails, and what concludes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from zoo_core.verification.expect.bounds import Constants, bound_output, check_values, output_error, row_limits
from zoo_core.verification.expect.sensitivity import check_sensitivity


def _bound(scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    exact = np.linspace(-1, 1, 40).reshape(4, 10) * scale
    return exact, exact.astype(np.float32)


def test_an_error_above_the_bound_fails_and_one_below_passes() -> None:
    exact, single = _bound()
    bound = bound_output("y", float32=single, float64=exact)
    assert check_values("all", {"y": single}, {"y": bound})[0].outcome == "passed"
    moved = single.copy()
    moved[2, 3] += float(bound.bound[2]) * 1.5
    result = check_values("all", {"y": moved}, {"y": bound})[0]
    assert result.outcome == "failed"
    assert "times the rounding floor" in result.detail


def test_a_bound_follows_from_its_noise_and_other_constants_give_another() -> None:
    exact, single = _bound()
    corner = np.array([False, False, False, True])
    moved = np.full(4, 1e-9)
    bound = bound_output("y", float32=single, float64=exact, corner=corner, moved=moved)
    again = row_limits(bound.noise)
    assert (again.bound == bound.bound).all()
    assert (again.floor == bound.floor).all()
    size, gap = np.abs(exact).max(axis=1), np.abs(single.astype(np.float64) - exact).max(axis=1)
    relative = (gap / size)[:3].max()
    eps = float(np.finfo(np.float32).eps)
    for factor, small in ((4.0, 8.0), (9.0, 0.0)):
        changed = row_limits(bound.noise, constants=Constants(floor_factor=factor, eps_factor=small))
        assert changed.bound[:3] == pytest.approx(size[:3] * (factor * relative + small * eps))
    wide = row_limits(bound.noise, constants=Constants(corner_factor=1000.0)).bound
    assert wide[3] == pytest.approx(1000 * gap[3])
    assert (wide[:3] == bound.bound[:3]).all()
    assert bound.take([0]).noise is bound.noise


def test_nan_and_infinity_fail() -> None:
    exact, single = _bound()
    bound = bound_output("y", float32=single, float64=exact)
    for bad in (np.nan, np.inf, -np.inf):
        moved = single.copy()
        moved[0, 0] = bad
        assert check_values("all", {"y": moved}, {"y": bound})[0].outcome == "failed"
        assert output_error(moved, bound).error == np.inf


def test_the_bound_does_not_depend_on_the_scale() -> None:
    """Tiny outputs are no licence: an all-zero file fails where outputs are about 1e-9."""
    exact, single = _bound(1e-9)
    bound = bound_output("y", float32=single, float64=exact)
    assert check_values("all", {"y": np.zeros_like(single)}, {"y": bound})[0].outcome == "failed"


def test_a_reference_of_zeros_concludes_nothing() -> None:
    zeros = np.zeros((3, 2))
    bound = bound_output("y", float32=zeros.astype(np.float32), float64=zeros)
    assert check_values("all", {"y": zeros}, {"y": bound})[0].outcome == "not-conclusive"


def test_an_output_that_ignores_its_input_concludes_nothing() -> None:
    same = {"y": np.full((5, 3), 0.25, np.float32)}
    assert check_sensitivity("all", same, {"y": 1e-7})[0].outcome == "not-conclusive"
    varied = {"y": np.arange(15, dtype=np.float32).reshape(5, 3)}
    assert check_sensitivity("all", varied, {"y": 1e-3})[0].outcome == "passed"
    assert check_sensitivity("all", varied, {"y": 1.0})[0].outcome == "not-conclusive"


def test_a_corner_row_may_move_with_its_inputs_but_no_further_than_a_usual_row() -> None:
    exact = np.pad(np.array([[1.0, -2.0], [2.0, 1.0], [1e-3, 0.0]]), ((0, 0), (0, 6)))
    corner = np.array([False, False, True])

    def bounds(moved: float) -> np.ndarray:
        given = np.array([9.0, 9.0, moved])
        found = bound_output("y", float32=exact.astype(np.float32), float64=exact, corner=corner, moved=given)
        return found.bound

    strict = bounds(0.0)
    assert bounds(1e-7)[2] == pytest.approx(4e-7)
    assert strict[2] < 4e-8
    for moved in (1.0, np.inf):
        assert bounds(moved)[2] == pytest.approx(strict[0])
    assert bounds(np.nan)[2] <= strict[0]
    assert (bounds(1.0)[:2] == strict[:2]).all()


def test_a_number_that_is_small_by_cancelling_is_measured_by_the_others() -> None:
    exact = np.array([[0.9], [1e-6], [-1.1], [0.4]])
    single = (exact + np.array([[2e-8], [1e-8], [-3e-8], [0]])).astype(np.float32)
    off = exact + 1e-7
    few = bound_output("y", float32=single, float64=exact)
    assert check_values("all", {"y": off}, {"y": few})[0].outcome == "passed"
    assert check_values("all", {"y": exact + 1e-5}, {"y": few})[0].outcome == "failed"
    wide = bound_output("y", float32=np.repeat(single, 8, axis=1), float64=np.repeat(exact, 8, axis=1))
    assert check_values("all", {"y": np.repeat(off, 8, axis=1)}, {"y": wide})[0].outcome == "failed"
