"""Faults that detectors are prone to, and others too: boxes shifted, and the scores of two classes swapped."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .mutable_graph import EditableGraph, Site, bound_to
from .output_faults import float_outputs

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


def classes_swapped(graph: EditableGraph) -> Iterator[Site]:
    """An output whose first two columns, such as the scores of two classes, are in each other's place."""
    kinds = graph.types()
    for name in float_outputs(graph):
        columns = (kinds[name].dims or (None, None))[1:2]
        if columns and isinstance(columns[0], int) and columns[0] > 1:
            yield Site(where=name, what="the first two columns swapped", apply=bound_to(_crossed, name, columns[0]))
