"""Is a mutant the same as the healthy file? Only if every output is bit-equal on all inputs, and all it stores."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import TemporaryFolderError, ZooError
from zoo_core.files import temporary_folder
from zoo_core.runtime.reading.metadata import read_metadata
from zoo_core.runtime.reading.wire import OnnxFile, read_onnx
from zoo_core.verification.conclude.weights import same_bits
from zoo_core.verification.expect.self_test import self_test_inputs
from zoo_core.verification.feed.rows import BATCH
from zoo_core.verification.subject.subject import DEFAULT_SETTINGS, Group, SubjectResult, run_subject

from .kinds import Mutant
from .score import Likeness

Array = NDArray[Any]

OTHER_SEEDS = (7_919, 104_729)
WIDER = 10.0
CORNER = "corner"
"""Groups of inputs that look like no real ones: there the bound of the self-test says nothing."""


class Healthy:
    """The healthy file, and what it computes on the inputs of its self-test and on others like them.

    `more`: further inputs, each a batch of rows by input name. Raises ZooError for a file without our metadata.
    """

    def __init__(self, model: Path, *, more: Mapping[str, Mapping[str, Array]] | None = None) -> None:
        self._path = model
        self._file = read_onnx(model)
        metadata = read_metadata(self._file)
        test = metadata.self_test or {}
        free = all(spec.axes[:1] == (BATCH,) for spec in metadata.inputs.values())
        self._bounds = _bounds(test)
        self._groups = [
            *(group for case in (test, *test.get("others", ())) for group in _groups(case, free=free)),
            *(_group(name, inputs, free=free) for name, inputs in (more or {}).items()),
        ]
        self._result: SubjectResult | None = None

    def compare(self, mutant: Mutant) -> Likeness:
        """How a mutant that passed a check compares with this file."""
        with temporary_folder("zoo-mutant-") as folder:
            path = folder / "model.onnx"
            path.write_bytes(mutant.model_bytes)
            try:
                same = _stores_the_same(self._file, read_onnx(path))
                found = run_subject(path, self._groups)
            except TemporaryFolderError:
                raise
            except ZooError:  # it cannot even be run
                return Likeness(equivalent=False, difference=None)
        if self._result is None:
            self._result = run_subject(self._path, self._groups)
        equal, difference = _compare(self._result, found, self._groups, self._bounds)
        return Likeness(equivalent=same and equal, difference=difference)


def _bounds(test: Mapping[str, Any]) -> dict[str, float]:
    if "selections" in test:  # a model that chooses rows
        return {name: float(bound) for name, bound in test["selections"]["bounds"].items()}
    return {name: float(output["bound"]) for name, output in test.get("outputs", {}).items()}


def _group(name: str, inputs: Mapping[str, Array], *, free: bool) -> Group:
    rows = len(next(iter(inputs.values())))
    # Rows alone too: a fault may show in a batch of one only, and some models take no other.
    alone = [(row,) for row in range(rows)]
    return Group(name=name, inputs=inputs, batches=[range(rows), *alone] if free and rows > 1 else alone)


def _groups(test: Mapping[str, Any], *, free: bool) -> list[Group]:
    """The self-test's own inputs, the like with other seeds, and corners: zeros and a wider range."""
    if not test:
        return []
    own = self_test_inputs(test)
    where = "x".join(str(size) for value in own.values() for size in value.shape)
    found = {f"own {where}": own}
    for seed in OTHER_SEEDS:
        inputs = {name: {**draw, "seed": draw["seed"] + seed} for name, draw in test["inputs"].items()}
        found[f"seed {seed} {where}"] = self_test_inputs({**test, "inputs": inputs})
    if all(value.dtype.kind == "f" for value in own.values()):
        found[f"{CORNER} zeros {where}"] = {name: np.zeros_like(value) for name, value in own.items()}
        wide = {name: (value * WIDER).astype(value.dtype) for name, value in own.items()}
        found[f"{CORNER} wide {where}"] = wide
    return [_group(name, inputs, free=free) for name, inputs in found.items()]


def _stores_the_same(first: OnnxFile, second: OnnxFile) -> bool:
    """Tensors by name, what is declared, and the metadata. What the second stores beyond that is no weight."""
    if (
        first.metadata_props != second.metadata_props
        or first.outputs != second.outputs
        or first.inputs != second.inputs
    ):
        return False
    others = second.initializers
    return all(
        name in others and same_bits(tensor.array(), others[name].array())
        for name, tensor in first.initializers.items()
    )


def _compare(
    first: SubjectResult, second: SubjectResult, groups: list[Group], bounds: Mapping[str, float]
) -> tuple[bool, float]:
    """Whether all outputs are bit-equal, and the largest difference on plausible inputs in multiples of the bound."""
    equal, largest = first.names == second.names, 0.0
    for setting in DEFAULT_SETTINGS:
        for group in groups:
            pairs = zip(first.outputs[setting, group.name], second.outputs[setting, group.name], strict=True)
            for one, two in pairs:
                for name in one:
                    if name not in two or same_bits(one[name], two[name]):
                        continue
                    equal = False
                    if not group.name.startswith(CORNER) and bounds.get(name):
                        largest = max(largest, _gap(one[name], two[name]) / bounds[name])
    return equal, largest


def _gap(first: Array, second: Array) -> float:
    if first.shape != second.shape:
        return float("inf")
    with np.errstate(invalid="ignore"):
        gap = np.abs(first.astype(np.float64) - second.astype(np.float64))
    return float(np.nan_to_num(gap, nan=np.inf).max(initial=0.0))
