"""Faults in how integers, masks and other inputs that are no floats are read: values lost at an end, masks turned."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from .metadata_faults import described
from .mutable_graph import EditableGraph, Site, bound_to

BOOL = 9
INTEGERS = {2: "uint8", 3: "int8", 6: "int32", 7: "int64"}
"""ONNX's numbers for the integers that an input may have."""


def _clip(graph: EditableGraph, name: str, dtype: str, low: int, high: int) -> None:
    for end, value in (("low", low), ("high", high)):
        graph.store(f"fault_{end}", np.array(value, dtype=dtype))
    graph.reroute(name, lambda old, new: [graph.node("Clip", [old, "fault_low", "fault_high"], [new])])


def ends_lost(graph: EditableGraph) -> Iterator[Site]:
    """The smallest value of an integer input is read as the next one, or the largest as the one before."""
    for name, dtype, low, high in _integers(graph):
        if high - low > 1:
            yield Site(where=name, what=f"{low} is {low + 1}", apply=bound_to(_clip, name, dtype, low + 1, high))
            yield Site(where=name, what=f"{high} is {high - 1}", apply=bound_to(_clip, name, dtype, low, high - 1))


def _one_value(graph: EditableGraph, name: str, dtype: str, value: int) -> None:
    _clip(graph, name, dtype, value, value)


def one_value(graph: EditableGraph) -> Iterator[Site]:
    """Every integer of an input is the same, every mask all true or all false."""
    for name, dtype, low, high in _integers(graph):
        middle = (low + high) // 2
        yield Site(where=name, what=f"all of it is {middle}", apply=bound_to(_one_value, name, dtype, middle))
    for name in _masks(graph):
        for op_type, told in (("Or", "true"), ("And", "false")):
            yield Site(where=name, what=f"all of it is {told}", apply=bound_to(_level, name, op_type))


def _level(graph: EditableGraph, name: str, op_type: str) -> None:
    turned = f"{name}_turned"
    graph.reroute(
        name, lambda old, new: [graph.node("Not", [old], [turned]), graph.node(op_type, [old, turned], [new])]
    )


def _turn(graph: EditableGraph, name: str) -> None:
    graph.reroute(name, lambda old, new: [graph.node("Not", [old], [new])])


def masks_turned(graph: EditableGraph) -> Iterator[Site]:
    """A mask with true and false exchanged."""
    for name in _masks(graph):
        yield Site(where=name, what="true and false exchanged", apply=bound_to(_turn, name))


def _masks(graph: EditableGraph) -> list[str]:
    kinds = graph.types()
    return [name for name in graph.inputs if kinds[name].dtype == BOOL]


def _integers(graph: EditableGraph) -> Iterator[tuple[str, str, int, int]]:
    """Name, dtype, smallest and largest value of each integer input, as the file's self-test draws them."""
    kinds = graph.types()
    drawn = (described(graph).get("self_test") or {}).get("inputs") or {}
    for name in graph.inputs:
        if (dtype := INTEGERS.get(kinds[name].dtype)) is not None and name in drawn:
            yield name, dtype, math.ceil(drawn[name]["low"]), math.ceil(drawn[name]["high"]) - 1
