"""The self-test of a model that chooses rows: what a damaged one says, and what a file must give to pass."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from zoo_core import TensorSpec, ZooError
from zoo_core.verification.expect.selection_test import (
    check_selection_test,
    check_selection_vectors,
    selection_expectations,
)
from zoo_core.verification.expect.selections import choice_of
from zoo_core.verification.expect.self_test import input_draws, validated

INPUTS = {"image": TensorSpec(1, 3, 4, 4)}
OUTPUTS = {"boxes": TensorSpec("K", 4), "labels": TensorSpec("K", dtype="int64")}
FOUND = {"boxes": np.array([[0.0, 1, 2, 3], [5, 6, 7, 8]], np.float32), "labels": np.array([3, 9])}
Change = Callable[[dict[str, Any]], object]


def _self_test() -> dict[str, Any]:
    draw = input_draws({"image": (2, 3, 4, 4)}, ranges={"image": (0, 1)}, dtypes={"image": "float32"}, seed=5)
    choice = choice_of({**FOUND, "boxes": FOUND["boxes"].astype(np.float64)}, FOUND, [])
    return {**draw, **selection_expectations([choice, choice])}


def _set(*path: str | int, to: Any) -> Change:
    def change(test: dict[str, Any]) -> None:
        place: Any = test["selections"]
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to

    return change


DAMAGE: dict[str, tuple[Change, str]] = {
    "not there": (lambda test: test.pop("selections"), "it lacks one of bounds, columns, floors, rows"),
    "a part missing": (lambda test: test["selections"].pop("bounds"), "it lacks one of bounds"),
    "another output": (_set("columns", to={"boxes": [0]}), "columns of its outputs"),
    "bound below 0": (_set("bounds", "boxes", to=-1.0), "a bound is not a number of at least 0"),
    "bound beyond floats": (_set("bounds", "boxes", to=10**400), "a bound is not a number of at least 0"),
    "fewer inputs": (_set("rows", to=[]), "it has no rows for 2 inputs"),
    "column outside": (_set("columns", "boxes", to=[4]), "columns of output 'boxes'"),
    "column true": (_set("columns", "boxes", to=[True]), "columns of output 'boxes'"),
    "row is text": (_set("rows", 0, to="rows"), "rows of its outputs"),
    "one row less": (_set("rows", 0, "labels", to=[[3]]), "outputs with different numbers of rows"),
    "no row of one": (_set("rows", 0, to={"boxes": [], "labels": [[3]]}), "outputs with different numbers of rows"),
    "shorter row": (_set("rows", 0, "boxes", 1, to=[5, 6]), "rows of output 'boxes'"),
    "not finite": (_set("rows", 0, "boxes", 1, to=[5, 6, 7, float("nan")]), "rows of output 'boxes'"),
    "label with a part": (_set("rows", 0, "labels", 1, to=[9.5]), "rows of output 'labels'"),
    "label beyond int64": (_set("rows", 0, "labels", 1, to=[10**30]), "rows of output 'labels'"),
}


@pytest.mark.parametrize(("change", "text"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_one_is_an_error(change: Change, text: str) -> None:
    test = _self_test()
    assert validated(copy.deepcopy(test), inputs=INPUTS, outputs=OUTPUTS)
    change(test)
    with pytest.raises(ZooError, match=f"the self-test in the file is damaged: {text}"):
        validated(test, inputs=INPUTS, outputs=OUTPUTS)


def test_a_file_that_chooses_takes_one_input_at_a_time() -> None:
    with pytest.raises(ZooError, match="a model that chooses rows takes one input at a time"):
        validated(_self_test(), inputs={"image": TensorSpec("N", 3, 4, 4)}, outputs=OUTPUTS)


def test_every_expected_row_must_be_there_in_any_order() -> None:
    turned = {name: value[::-1] for name, value in FOUND.items()}
    results, errors = check_selection_test("here", _self_test(), [FOUND, turned], OUTPUTS)
    assert [result.outcome for result in results] == ["passed", "passed"]
    assert [error.error for error in errors] == [0, 0]
    other = {**FOUND, "labels": np.array([3, 8])}
    none = {name: value[:0] for name, value in FOUND.items()}
    results, _ = check_selection_test("here", _self_test(), [other, none], OUTPUTS)
    assert [result.outcome for result in results] == ["failed", "failed"]
    assert results[0].detail == "here, input 0: 1 of 2 expected rows are there, within their bounds"
    assert "0 of 2" in results[1].detail


def test_where_no_row_is_expected_there_must_be_none() -> None:
    test, none = _self_test(), {name: value[:0] for name, value in FOUND.items()}
    test["selections"]["rows"] = [{"boxes": [], "labels": []}] * 2
    assert validated(copy.deepcopy(test), inputs=INPUTS, outputs=OUTPUTS)
    results, _ = check_selection_test("here", test, [FOUND, none], OUTPUTS)
    assert [result.outcome for result in results] == ["failed", "passed"]
    assert results[0].detail == "here, input 0: 2 rows where nothing is to be chosen"


def test_vectors_of_rows_need_nearly_all_of_them() -> None:
    assert check_selection_vectors("here", FOUND, FOUND).outcome == "passed"
    assert (
        check_selection_vectors("here", FOUND, {name: value[:1] for name, value in FOUND.items()}).outcome == "failed"
    )
    wide = {**FOUND, "boxes": np.zeros((2, 5), np.float32)}
    assert "rows of another shape" in check_selection_vectors("here", FOUND, wide).detail
