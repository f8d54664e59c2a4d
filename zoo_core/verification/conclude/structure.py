"""Is the file built as planned? Names, order, dtypes, axes, operators; and do its results have the declared shapes?"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.records import CheckResult, counted
from zoo_core.runtime.reading.graph import Node, Value
from zoo_core.runtime.reading.wire import OnnxFile
from zoo_core.shapes import TensorSpec

Array = NDArray[Any]

RANDOM_OPERATORS = frozenset(
    (
        "Bernoulli",
        "Multinomial",
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
    )
)


@dataclass(frozen=True, kw_only=True)
class Interface:
    """What callers of a file rely on: its inputs and outputs by name and in order, and its opset."""

    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    opset: int


def check_structure(file: OnnxFile, interface: Interface) -> list[CheckResult]:
    """Rule "structure" for what can be read without running: names, dtypes, axes, opset, operators."""
    problems = [
        *_tensor_problems("input", file.inputs, interface.inputs),
        *_tensor_problems("output", file.outputs, interface.outputs),
    ]
    opset = file.opsets.get("")
    if opset != interface.opset:
        problems.append(f"the opset is {opset}, not {interface.opset} as asked for")
    for graph in file.graph.walk():
        problems.extend(text for node in graph.nodes if (text := _operator_problem(node, graph.initializers)))
    if problems:
        return [CheckResult(rule="structure", outcome="failed", detail=text) for text in problems]
    text = f"{counted(len(file.nodes), 'node')}, opset {opset}, inputs and outputs as declared"
    return [CheckResult(rule="structure", outcome="passed", detail=text)]


def _tensor_problems(role: str, values: Sequence[Value], specs: Mapping[str, TensorSpec]) -> list[str]:
    names = [value.name for value in values]
    if names != list(specs):
        return [f"the {role}s are {', '.join(names) or 'none'}, not {', '.join(specs)}"]
    problems = []
    for value, spec in zip(values, specs.values(), strict=True):
        if value.dtype != spec.dtype:
            problems.append(f"{role} {value.name} is {value.dtype}, not {spec.dtype}")
        if value.dims != spec.axes:
            problems.append(f"{role} {value.name} has the axes {_shown(value.dims)}, not {spec}")
    return problems


def _shown(dims: tuple[int | str | None, ...] | None) -> str:
    return "unknown" if dims is None else f"({', '.join('?' if dim is None else str(dim) for dim in dims)})"


def _operator_problem(node: Node, initializers: Mapping[str, Any]) -> str | None:
    if node.op_type in RANDOM_OPERATORS:
        return f"node {node.name} ({node.op_type}) draws random numbers"
    if node.op_type == "BatchNormalization" and node.attribute("training_mode", 0):
        return f"node {node.name} (BatchNormalization) is in training mode"
    if node.op_type == "Dropout" and len(node.inputs) > 2 and node.inputs[2]:
        mode = initializers.get(node.inputs[2])
        if mode is None or bool(np.any(mode.array())):
            return f"node {node.name} (Dropout) is in training mode"
    return None


def check_results(
    where: str,
    outputs: Mapping[str, Array],
    specs: Mapping[str, TensorSpec],
    *,
    sizes: Mapping[str, int],
    infinite: Collection[str] = (),
) -> list[CheckResult]:
    """Rule "structure" for one batch of results: exact shapes and dtypes, all values finite.

    `sizes` gives the free axes of this batch; `infinite` names outputs that have other values by design.
    """
    problems = []
    for name, spec in specs.items():
        value = outputs[name]
        shape = spec.shape(sizes)
        if value.shape != shape:
            problems.append(f"{name} has the shape {value.shape}, not {shape}")
        elif str(value.dtype) != spec.dtype:
            problems.append(f"{name} is {value.dtype}, not {spec.dtype}")
        elif value.size == 0:
            problems.append(f"{name} is empty")
        elif name not in infinite and not np.isfinite(value).all():
            problems.append(f"{name} has values that are not finite")
    return [CheckResult(rule="structure", outcome="failed", detail=f"{where}: {text}") for text in problems]
