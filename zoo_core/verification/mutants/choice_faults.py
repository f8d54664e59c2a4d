"""Faults in what decides a choice: thresholds of a suppression, how many are kept, and what is compared with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .mutable_graph import Array, EditableGraph, Site, bound_to

COMPARISONS = ("Greater", "GreaterOrEqual", "Less", "LessOrEqual")
SUPPRESSION = {2: "boxes of a class", 3: "overlap", 4: "score"}
"""Inputs of NonMaxSuppression that decide."""
LARGEST = 1 << 31
"""A count from here on means: as many as there are."""


def thresholds(graph: EditableGraph) -> Iterator[Site]:
    """A threshold or a count that is another one, of this one node: lower, then higher."""
    for place, node in enumerate(graph.nodes):
        for index, what in _deciding(node).items():
            array = graph.array(node.input[index]) if index < len(node.input) else None
            if array is None or array.size != 1:
                continue
            for new in _others(array, most=1.0 if what == "overlap" else None):
                text = f"{what} {new.item():g} in place of {array.item():g}"
                yield Site(where=node.name, what=text, apply=bound_to(_set_input, place, index, new))


def _deciding(node: Any) -> dict[int, str]:
    """Which inputs of a node decide what is chosen, and what they are."""
    if node.op_type == "NonMaxSuppression":
        return SUPPRESSION
    if node.op_type == "TopK":
        return {1: "count"}
    return {0: "threshold", 1: "threshold"} if node.op_type in COMPARISONS else {}


def _others(array: Array, *, most: float | None) -> Iterator[Array]:
    """Half of a value, and twice as much, or half-way to the most that it can be; counts are one less."""
    value = array.item()
    if array.dtype.kind in "iu":
        if 1 < value < LARGEST:
            yield np.full_like(array, value - 1)
        return
    if array.dtype.kind != "f" or not np.isfinite(value):
        return
    higher = (value + most) / 2 if most is not None else 2 * value
    for other in (value / 2, higher) if value else (-0.5, 0.5):
        yield np.full_like(array, other)


def _set_input(graph: EditableGraph, place: int, index: int, value: Array) -> None:
    """A stored value of its own: other nodes may share the one that it had."""
    name = f"{graph.nodes[place].name}_input_{index}"
    graph.store(name, value)
    graph.nodes[place].input[index] = name
