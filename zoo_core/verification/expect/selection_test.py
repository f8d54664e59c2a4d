"""The self-test of a model that chooses rows: for each input, rows that every run of PyTorch chose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.records import CheckResult, OutputError, counted
from zoo_core.shapes import TensorSpec
from zoo_core.verification.feed.rows import BATCH

from .plain_values import is_int, is_number
from .selections import Choice, match, scale_of

Array = NDArray[Any]

KEY = "selections"
MOST_ROWS = 24
MOST_COLUMNS = 8
NEAR_PART = 0.8
"""Of rows that nobody knows to be clear, so many at least must be there."""


def chooses(inputs: Mapping[str, TensorSpec], outputs: Mapping[str, TensorSpec]) -> bool:
    """True when the number of rows of an output is up to the data."""
    known = {axis for spec in inputs.values() for axis in spec.free_axes} | {BATCH}
    return any(axis not in known for spec in outputs.values() for axis in spec.free_axes)


def selection_expectations(choices: Sequence[Choice]) -> dict[str, Any]:
    """What a self-test says of the rows chosen for each input: some of the clear ones, at some of their columns."""
    names = list(choices[0].expected)
    columns = {name: _columns(choices[0].expected[name]) for name in names}
    rows = []
    for choice in choices:
        kept = np.flatnonzero(choice.clear)[:MOST_ROWS]
        rows.append(
            {
                n: choice.expected[n][kept].reshape(len(kept), _width(choice.expected[n]))[:, columns[n]].tolist()
                for n in names
            }
        )
    return {
        KEY: {
            "columns": columns,
            "rows": rows,
            "bounds": {name: max(choice.bounds[name] for choice in choices) for name in names},
            "floors": {name: max(choice.floors[name] for choice in choices) for name in names},
        }
    }


def _width(value: Array) -> int:
    return int(np.prod(value.shape[1:], dtype=np.int64))


def _flat(value: Array) -> Array:
    """(rows, columns), also where there are no rows."""
    return value.reshape(len(value), _width(value))


def _columns(value: Array) -> list[int]:
    width = _width(value)
    return sorted({int(place) for place in np.linspace(0, width - 1, min(width, MOST_COLUMNS))})


def validate_selections(test: Mapping[str, Any], *, rows: int, outputs: Mapping[str, TensorSpec]) -> None:
    """Raises ZooError that says what is damaged in the expectations of a self-test with so many inputs."""
    found: Any = test.get(KEY)
    keys = {"columns", "rows", "bounds", "floors"}
    _require(isinstance(found, Mapping) and keys <= set(found), f"it lacks one of {', '.join(sorted(keys))}")
    for key in ("columns", "bounds", "floors"):
        _require(isinstance(found[key], Mapping) and set(found[key]) == set(outputs), f"{key} of its outputs")
    numbers = [*found["bounds"].values(), *found["floors"].values()]
    _require(all(is_number(value) and value >= 0 for value in numbers), "a bound is not a number of at least 0")
    _require(
        isinstance(found["rows"], list) and len(found["rows"]) == rows, f"it has no rows for {counted(rows, 'input')}"
    )
    for name, spec in outputs.items():
        width = int(np.prod([size for size in spec.axes[1:] if isinstance(size, int)], dtype=np.int64))
        places = found["columns"][name]
        inside = isinstance(places, list) and all(is_int(place, low=0, below=width) for place in places)
        _require(inside and bool(places), f"columns of output {name!r}")
    for row in found["rows"]:
        _require(isinstance(row, Mapping) and set(row) == set(outputs), "rows of its outputs")
        counts = {len(value) if isinstance(value, list) else -1 for value in row.values()}
        _require(len(counts) == 1 and 0 <= min(counts) <= MOST_ROWS, "outputs with different numbers of rows")
        for name, lines in row.items():
            width = len(found["columns"][name])
            fine = is_number if outputs[name].dtype.startswith("float") else _is_label
            fits = all(isinstance(line, list) and len(line) == width and all(map(fine, line)) for line in lines)
            _require(fits, f"rows of output {name!r}")


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ZooError(f"the self-test in the file is damaged: {otherwise}", hint="fetch the file or export it again")


def _is_label(value: Any) -> bool:
    return is_int(value, low=-(2**31), below=2**31)


def check_selection_test(
    where: str,
    test: Mapping[str, Any],
    batches: Sequence[Mapping[str, Array]],
    outputs: Mapping[str, TensorSpec],
) -> tuple[list[CheckResult], list[OutputError]]:
    """Rule "self-test": every row that the self-test expects is there, within its bound; one result of each input."""
    told = test[KEY]
    results: list[CheckResult] = []
    worst = dict.fromkeys(outputs, 0.0)
    for number, (row, found) in enumerate(zip(told["rows"], batches, strict=True)):
        expected = {name: np.asarray(row[name], dtype=outputs[name].dtype) for name in outputs}
        actual = {name: _flat(found[name])[:, told["columns"][name]] for name in outputs}
        partner = match(expected, actual, told["bounds"])
        wanted, missing = len(partner), int((partner < 0).sum())
        if not wanted:
            results.append(_nothing(f"{where}, input {number}", found))
            continue
        sure = partner >= 0
        for name, value in expected.items():
            gap = np.abs(value[sure].astype(np.float64) - actual[name][partner[sure]])
            worst[name] = max(worst[name], float(gap.max(initial=0.0)))
        text = f"{where}, input {number}: {wanted - missing} of {wanted} expected rows are there, within their bounds"
        results.append(CheckResult(rule="self-test", outcome="failed" if missing else "passed", detail=text))
    errors = [
        OutputError(
            name=name,
            error=worst[name],
            bound=told["bounds"][name],
            floors=worst[name] / told["floors"][name] if told["floors"][name] else 0.0,
        )
        for name in outputs
    ]
    return results, errors


def _nothing(where: str, found: Mapping[str, Array]) -> CheckResult:
    """Where no run of PyTorch chose anything, a file chooses nothing."""
    count = len(next(iter(found.values())))
    text = f"{where}: {counted(count, 'row')} where nothing is to be chosen"
    return CheckResult(rule="self-test", outcome="failed" if count else "passed", detail=text)


def check_selection_vectors(where: str, expected: Mapping[str, Array], found: Mapping[str, Array]) -> CheckResult:
    """Rule "test vectors" for rows that were chosen: nearly all of them are there; which of them hang by a hair, and
    their order, nobody knows here."""
    near = {name: 1e-3 * scale_of(value) for name, value in expected.items()}
    total = max(len(next(iter(expected.values()))), len(next(iter(found.values()))))
    if any(found[name].shape[1:] != value.shape[1:] for name, value in expected.items()):
        return CheckResult(rule="test vectors", outcome="failed", detail=f"{where}: rows of another shape")
    agreeing = int((match(expected, found, near) >= 0).sum())
    passed = agreeing >= NEAR_PART * total and total > 0
    text = f"{where}: {agreeing} of {counted(total, 'row')} agree"
    return CheckResult(rule="test vectors", outcome="passed" if passed else "failed", detail=text)
