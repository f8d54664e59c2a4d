"""Faults that detectors are prone to, and others too: boxes shifted, and the scores of two classes swapped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .mutable_graph import EditableGraph, Site, bound_to
from .output_faults import INTEGERS, float_outputs

SHIFT = np.float32(0.5)
"""Half a pixel, where an output is a place: what another convention for the middle of a pixel makes."""


def _moved(graph: EditableGraph, name: str) -> None:
    graph.store("fault_shift", np.array(SHIFT))
    graph.reroute(name, lambda old, new: [graph.node("Add", [old, "fault_shift"], [new])])


def shifted(graph: EditableGraph) -> Iterator[Site]:
    """An output with all of its numbers larger by the same."""
    for name in float_outputs(graph):
        yield Site(where=name, what=f"every number is {SHIFT:g} more", apply=bound_to(_moved, name))


def _crossed(graph: EditableGraph, name: str, count: int) -> None:
    order = np.arange(count)
    order[:2] = 1, 0
    graph.store("fault_order", order)
    graph.reroute(name, lambda old, new: [graph.node("Gather", [old, "fault_order"], [new], axis=1)])


def _numbers_crossed(graph: EditableGraph, name: str, kind: type[np.integer[Any]]) -> None:
    graph.store("fault_one", np.array(1, kind))
    graph.store("fault_two", np.array(2, kind))
    odd, twice, step = (f"{name}_{part}" for part in ("odd", "twice", "step"))
    graph.reroute(
        name,
        lambda old, new: [
            graph.node("Mod", [old, "fault_two"], [odd]),
            graph.node("Mul", [odd, "fault_two"], [twice]),
            graph.node("Sub", ["fault_one", twice], [step]),
            graph.node("Add", [old, step], [new]),
        ],
    )


def classes_swapped(graph: EditableGraph) -> Iterator[Site]:
    """An output whose first two columns, such as the scores of two classes, are in each other's place; one of whole
    numbers, such as the classes of boxes, in which 0 is 1 and 1 is 0, 2 is 3 and 3 is 2, and so on."""
    kinds = graph.types()
    for name in float_outputs(graph):
        columns = (kinds[name].dims or (None, None))[1:2]
        if columns and isinstance(columns[0], int) and columns[0] > 1:
            yield Site(where=name, what="the first two columns swapped", apply=bound_to(_crossed, name, columns[0]))
    for name in graph.outputs:
        if name not in graph.inputs and (kind := INTEGERS.get(kinds[name].dtype)) is not None:
            what = "each even number and the odd one after it swapped"
            yield Site(where=name, what=what, apply=bound_to(_numbers_crossed, name, kind))
