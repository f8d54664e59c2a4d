"""Operators that make much out of little: a file of a hundred bytes must not fill the memory."""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Mapping, Sequence
from typing import Any

from zoo_core.errors import ZooError
from zoo_core.runtime.reading.graph import Graph, Node
from zoo_core.runtime.reading.tensors import Tensor
from zoo_core.runtime.reading.wire import OnnxFile, refused

MAX_ELEMENTS = 1 << 26
"""The most elements that constants may ask for (0.27 GB as float32), unless the file itself holds many."""
MAX_WINDOW = 1 << 16

# Operators that keep the number of elements: what was grown before them is still grown after them.
_KEEP = frozenset({
    "Abs", "Add", "And", "Cast", "Clip", "Div", "Equal", "Exp", "Flatten", "Greater", "Identity", "Less", "Log",
    "Max", "Min", "Mul", "Neg", "Not", "Or", "Pow", "Relu", "Reshape", "Sigmoid", "Softmax", "Sqrt", "Squeeze",
    "Sub", "Tanh", "Transpose", "Unsqueeze", "Where",
})  # fmt: skip
# Which input holds the target shape.
_SHAPE_INPUT = {
    "ConstantOfShape": 0,
    "Expand": 1,
    "Col2Im": 1,
    "AffineGrid": 1,
    "CenterCropPad": 1,
    "MaxUnpool": 2,
}
# Which inputs hold counts.
_COUNT_INPUTS = {
    "HannWindow": (0,),
    "HammingWindow": (0,),
    "BlackmanWindow": (0,),
    "MelWeightMatrix": (0, 1),
    "DFT": (1,),
}
_WINDOWS = ("pads", "strides", "dilations", "kernel_shape", "output_shape", "output_padding")
_CONSTANT_NUMBERS = ("value_int", "value_ints", "value_float", "value_floats")

Numbers = list[float]
Constants = ChainMap[str, Tensor | Numbers]


def check_cost(file: OnnxFile) -> None:
    """No constant of the file makes an operator give more than MAX_ELEMENTS elements, alone or in a row."""
    stored = sum(tensor.size for graph in file.graph.walk() for tensor in graph.all_tensors())
    _check_graph(file, file.graph, ChainMap(), ChainMap(), max(MAX_ELEMENTS, 4 * stored))


def _check_graph(
    file: OnnxFile, graph: Graph, outer: Constants, grown_outside: ChainMap[str, float], limit: int
) -> None:
    constants = outer.new_child(dict(graph.initializers))
    grown = grown_outside.new_child({tensor.name: float(max(1, tensor.size)) for tensor in graph.tensors})
    for node in graph.nodes:
        for inner in node.graphs():
            _check_graph(file, inner, constants, grown, limit)
        if node.op_type == "Constant" and node.outputs:
            constants[node.outputs[0]] = value = _constant(node)
            grown[node.outputs[0]] = float(max(1, value.size if isinstance(value, Tensor) else len(value)))
            continue
        size = _grown_by(node, constants, grown)
        if size > limit:
            name = f" {node.name!r}" if node.name else ""
            detail = f"its {node.op_type} node{name} would make {size:,.0f} elements out of constants"
            raise refused(file.path, "amplification", detail, hint=f"{limit:,} is the most for this file")
        _check_windows(file, node)
        grown.update(dict.fromkeys(node.outputs, size))


def _constant(node: Node) -> Tensor | Numbers:
    value = node.attribute("value")
    if isinstance(value, Tensor):
        return value
    numbers = next((found for name in _CONSTANT_NUMBERS if (found := node.attribute(name)) is not None), ())
    return [float(number) for number in _as_numbers(numbers)]


def _as_numbers(value: Any) -> Sequence[int | float]:
    """The numbers of an attribute; none where it holds something else."""
    values = value if isinstance(value, tuple) else (value,)
    return values if all(isinstance(number, int | float) for number in values) else ()


def _grown_by(node: Node, constants: Constants, grown: Mapping[str, float]) -> float:
    """Elements that a node gives, as far as constants decide it; unknown tensors count as one."""
    kind = node.op_type
    sizes = [grown.get(name, 1.0) for name in node.inputs if name]
    base = sizes[0] if sizes else 1.0
    if kind in _SHAPE_INPUT:
        return _product(_numbers(node, _SHAPE_INPUT[kind], constants))
    if kind in _COUNT_INPUTS:
        return math.prod(_product(_numbers(node, index, constants)) for index in _COUNT_INPUTS[kind])
    if kind == "Range":
        return _range_length(*(_numbers(node, index, constants) for index in range(3)))
    if kind in {"Tile", "OneHot"}:
        return base * _product(_numbers(node, 1, constants))
    if kind == "Pad":
        pads = _numbers(node, 1, constants) or [float(pad) for pad in _as_numbers(node.attribute("pads", ()))]
        pairs = zip(pads[: len(pads) // 2], pads[len(pads) // 2 :], strict=False)
        return base * _product([1 + first + last for first, last in pairs])
    if kind in {"Resize", "Upsample"}:
        factors = _numbers(node, 1 if len(node.inputs) == 2 else 2, constants)
        return max(base * _product(factors), _product(_numbers(node, 3, constants)))
    if kind == "Concat":
        return sum(sizes)
    return max(sizes, default=1.0) if kind in _KEEP else 1.0


def _range_length(start: Numbers, limit: Numbers, delta: Numbers) -> float:
    if not (start and limit and delta) or delta[0] == 0:
        return 1.0
    return max(1.0, (limit[0] - start[0]) / delta[0])


def _check_windows(file: OnnxFile, node: Node) -> None:
    for name in _WINDOWS:
        values = node.attribute(name, ())
        if isinstance(values, tuple) and any(isinstance(v, int) and abs(v) > MAX_WINDOW for v in values):
            detail = f"its {node.op_type} node has {name} of {values}"
            raise refused(file.path, "amplification", detail[:300])


def _numbers(node: Node, index: int, constants: Constants) -> Numbers:
    """The values of a small constant input; empty when it is absent, large, or no constant."""
    found = constants.get(node.inputs[index]) if index < len(node.inputs) else None
    if not isinstance(found, Tensor):
        return found if found and len(found) <= 64 else []
    if found.size > 64 or found.dtype == "string":
        return []
    try:
        return [float(value) for value in found.array().reshape(-1).tolist()]
    except (ZooError, TypeError):  # outside the file, or of a type that has no numbers in numpy
        return []


def _product(values: Numbers) -> float:
    return math.prod(max(1.0, value) for value in values)
