"""Operators that make much out of little: a file of a hundred bytes must not fill the memory."""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Mapping

import numpy as np

from zoo_core.runtime.reading.graph import Graph, Node
from zoo_core.runtime.reading.wire import OnnxFile, refused

from .constants import Known, known_constant, known_input, known_output, known_tensor

MAX_ELEMENTS = 1 << 26
"""The most elements that constants may ask for (0.27 GB as float32), unless the file itself holds many."""
MAX_TOGETHER = 8
"""How many times as many all nodes of a file may make together."""
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
Numbers = list[float]


def check_cost(file: OnnxFile) -> None:
    """No constant of the file makes an operator give more than MAX_ELEMENTS elements, alone or in a row.

    This is a guess, made early and in words: what the inputs decide, and operators that are not modelled, end at the
    limits of the process that runs a stranger's file (see `open_session`).
    """
    stored = sum(tensor.size for graph in file.graph.walk() for tensor in graph.all_tensors())
    _Cost(file, max(MAX_ELEMENTS, 4 * stored)).check(file.graph, ChainMap(), ChainMap())


class _Cost:
    """The elements that the nodes of a file make, one after the other."""

    def __init__(self, file: OnnxFile, limit: int) -> None:
        self._file = file
        self._limit = limit
        self._together = 0.0

    def check(self, graph: Graph, outer: ChainMap[str, Known], grown_outside: ChainMap[str, float]) -> None:
        values = outer.new_child({tensor.name: known_tensor(tensor) for tensor in graph.tensors})
        stored = graph.initializers
        for value in graph.inputs:
            if value.name not in stored and (known := known_input(value)) is not None:
                values[value.name] = known
        grown = grown_outside.new_child({tensor.name: float(max(1, tensor.size)) for tensor in graph.tensors})
        for node in graph.nodes:
            for inner in node.graphs():
                self.check(inner, values, grown)
            _check_windows(self._file, node)
            known = known_constant(node) if node.op_type == "Constant" else known_output(node, values)
            size = float(math.prod(known.shape)) if known is not None else _grown_by(node, values, grown)
            if node.op_type != "Constant":
                self._add(node, size, [grown.get(name, 1.0) for name in node.inputs if name])
            grown.update(dict.fromkeys(node.outputs, max(1.0, size)))
            if known is not None and node.outputs:
                values[node.outputs[0]] = known

    def _add(self, node: Node, size: float, given: list[float]) -> None:
        name = f" {node.name!r}" if node.name else ""
        if size > self._limit:
            detail = f"its {node.op_type} node{name} would make {size:,.0f} elements out of constants"
            raise refused(self._file.path, "amplification", detail, hint=f"{self._limit:,} is the most for this file")
        if size > max(given, default=1.0):
            self._together += size
        if self._together > MAX_TOGETHER * self._limit:
            detail = f"its nodes up to the {node.op_type} node{name} would make {self._together:,.0f} elements together"
            hint = f"{MAX_TOGETHER * self._limit:,} is the most for this file"
            raise refused(self._file.path, "amplification", detail, hint=hint)


def _grown_by(node: Node, values: Mapping[str, Known], grown: Mapping[str, float]) -> float:
    """Elements that a node gives, as far as constants decide it; unknown tensors count as one."""
    kind = node.op_type
    sizes = [grown.get(name, 1.0) for name in node.inputs if name]
    base = sizes[0] if sizes else 1.0
    if kind in _SHAPE_INPUT:
        return _product(_numbers(node, _SHAPE_INPUT[kind], values))
    if kind in _COUNT_INPUTS:
        return math.prod(_product(_numbers(node, index, values)) for index in _COUNT_INPUTS[kind])
    if kind == "Range":
        return _range_length(*(_numbers(node, index, values) for index in range(3)))
    if kind in {"Tile", "OneHot"}:
        return base * _product(_numbers(node, 1, values))
    if kind == "Pad":
        pads = _numbers(node, 1, values) or _attribute(node, "pads")
        return base * _padded(pads)
    if kind in {"Resize", "Upsample"}:
        factors = _numbers(node, 1 if len(node.inputs) == 2 else 2, values)
        return max(base * _product(factors), _product(_numbers(node, 3, values)))
    if kind == "ConvTranspose":
        return _product(_attribute(node, "strides"))
    if "Conv" in kind or kind.endswith("Pool"):
        strides = _product(_attribute(node, "strides"))
        return max(1.0, _padded(_attribute(node, "pads")) / strides)
    if kind == "Concat":
        return sum(sizes)
    return max(sizes, default=1.0) if kind in _KEEP else 1.0


def _attribute(node: Node, name: str) -> Numbers:
    """The numbers of an attribute; none where it holds something else."""
    value = node.attribute(name, ())
    numbers = value if isinstance(value, tuple) else ()
    return [float(number) for number in numbers] if all(isinstance(each, int | float) for each in numbers) else []


def _padded(pads: Numbers) -> float:
    """How many elements one element becomes, with so many before it and behind it on each axis."""
    pairs = zip(pads[: len(pads) // 2], pads[len(pads) // 2 :], strict=False)
    return _product([1 + first + last for first, last in pairs])


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


def _numbers(node: Node, index: int, values: Mapping[str, Known]) -> Numbers:
    """The values of a small constant input; empty when it is absent, large, or no constant."""
    found = values.get(node.inputs[index]) if index < len(node.inputs) else None
    if found is None or found.numbers is None or found.numbers.dtype.kind not in "biuf":
        return []
    return [float(value) for value in np.reshape(found.numbers, -1).tolist()]


def _product(values: Numbers) -> float:
    return math.prod(max(1.0, value) for value in values)
