"""The self-test of models that choose rows, in JavaScript: the verdicts are those of Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from node_calls import needs_node
from numpy.typing import NDArray
from site_modules import ask, call, tensors

from zoo_core import TensorSpec
from zoo_core.verification.expect.selection_test import check_selection_test

Rows = dict[str, NDArray[Any]]
OUTPUTS = {"boxes": TensorSpec("K", 4), "scores": TensorSpec("K"), "labels": TensorSpec("K", dtype="int64")}
COLUMNS = {"boxes": [0, 3], "scores": [0], "labels": [0]}
BOUNDS = {"boxes": 0.01, "scores": 1e-4, "labels": 1e-5}


def chosen_rows() -> Rows:
    random = np.random.default_rng(6)
    boxes = random.uniform(0, 90, (7, 4)).astype(np.float32)
    return {"boxes": boxes, "scores": random.random(7, np.float32), "labels": random.integers(0, 3, 7)}


def changed(name: str, by: float, *, column: int | None = None) -> Callable[[Rows], Rows]:
    def change(rows: Rows) -> Rows:
        values = rows[name].copy()
        values[(2, column) if column is not None else 2] += np.array(by, values.dtype)
        return {**rows, name: values}

    return change


def in_order(order: list[int]) -> Callable[[Rows], Rows]:
    return lambda rows: {name: value[order] for name, value in rows.items()}


FOUND: Mapping[str, tuple[Callable[[Rows], Rows], bool]] = {
    "as they were": (lambda rows: rows, True),
    "in another order": (in_order([3, 1, 0, 6, 2, 5, 4]), True),
    "off within the bound": (changed("boxes", 0.005, column=3), True),
    "off where nobody looks": (changed("boxes", 5, column=1), True),
    "off beyond the bound": (changed("boxes", 0.05, column=3), False),
    "another score": (changed("scores", 0.01), False),
    "another label": (changed("labels", 1), False),
    "a row too few": (in_order([0, 1, 3, 4, 5, 6]), False),
    "one row twice in the place of another": (in_order([0, 1, 1, 3, 4, 5, 6]), False),
    "none": (in_order([]), False),
    "NaN": (changed("scores", float("nan")), False),
}


@needs_node
def test_the_verdicts_are_those_of_python() -> None:
    rows = chosen_rows()
    kept = range(5)  # the others are not clear, and may be missing
    wanted = {name: rows[name].reshape(7, -1)[kept][:, COLUMNS[name]].tolist() for name in OUTPUTS}
    told = {"columns": COLUMNS, "rows": [wanted], "bounds": BOUNDS, "floors": dict.fromkeys(BOUNDS, 1e-6)}
    found = {name: change(rows) for name, (change, _) in FOUND.items()}
    calls = [call("selections", "lostRows", told, [tensors(each)]) for each in found.values()]
    for (name, (_, fits)), in_page in zip(FOUND.items(), ask(calls), strict=True):
        assert all(row["isWithin"] for row in in_page["value"]) == fits, name
        results, _ = check_selection_test("it", {"selections": told}, [found[name]], OUTPUTS)
        assert all(result.outcome == "passed" for result in results) == fits, name
        assert {row["output"]: row["count"] for row in in_page["value"]} == dict.fromkeys(OUTPUTS, 5)
