"""Faults in how inputs are read: integers off by one or lost at an end, masks turned, rows of tables in other units."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .metadata_faults import described
from .mutable_graph import FLOAT, EditableGraph, Site, bound_to

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


def _add_one(graph: EditableGraph, name: str, dtype: str, high: int) -> None:
    graph.store("fault_one", np.array(1, dtype=dtype))
    graph.store("fault_high", np.array(high, dtype=dtype))
    moved = f"{name}_moved"

    def nodes(old: str, new: str) -> list[Any]:
        return [graph.node("Add", [old, "fault_one"], [moved]), graph.node("Min", [moved, "fault_high"], [new])]

    graph.reroute(name, nodes)


def off_by_one(graph: EditableGraph) -> Iterator[Site]:
    """Every integer of an input is read as the next one, but for the largest: another vocabulary, other categories."""
    for name, dtype, low, high in _integers(graph):
        if high > low:
            yield Site(where=name, what="each is one more", apply=bound_to(_add_one, name, dtype, high))


def _combine(graph: EditableGraph, name: str, op_type: str, number: float) -> None:
    graph.store("fault_number", np.array(number, np.float32))
    graph.reroute(name, lambda old, new: [graph.node(op_type, [old, "fault_number"], [new])])


def _turn_columns(graph: EditableGraph, name: str, order: list[int]) -> None:
    graph.store("fault_order", np.array(order, np.int64))
    graph.reroute(name, lambda old, new: [graph.node("Gather", [old, "fault_order"], [new], axis=1)])


def other_rows(graph: EditableGraph) -> Iterator[Site]:
    """The numbers of a row have another mean or deviation, or two columns each other's place."""
    for name in graph.inputs:
        kind = graph.types()[name]
        if kind.dtype != FLOAT or kind.dims is None or len(kind.dims) != 2 or not isinstance(kind.dims[1], int):
            continue
        yield Site(where=name, what="times 1.01", apply=bound_to(_combine, name, "Mul", 1.01))
        yield Site(where=name, what="0.1 is added", apply=bound_to(_combine, name, "Add", 0.1))
        if kind.dims[1] > 1:
            order = [1, 0, *range(2, kind.dims[1])]
            yield Site(where=name, what="its first two columns swapped", apply=bound_to(_turn_columns, name, order))


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
