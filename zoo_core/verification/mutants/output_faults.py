"""Faults in what comes out: outputs swapped, duplicated, constant or NaN; and numbers that are lost on the way."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .mutable_graph import FLOAT, EditableGraph, Site, bound_to

FLOAT16, BOOL = 10, 9
INTEGERS = {6: np.int32, 7: np.int64}
"""Numbers of ONNX types whose Add onnxruntime has."""
OVERFLOW = np.float32(2.0**17)
"""float16 ends at 65504: what is above 0.5 becomes infinite."""
CONSTANT = np.float32(0.1)
DROPPED = 0.5


def float_outputs(graph: EditableGraph) -> list[str]:
    """Outputs of float32 numbers."""
    kinds = graph.types()
    return [name for name in graph.outputs if kinds[name].dtype == FLOAT and name not in graph.inputs]


def inner_values(graph: EditableGraph) -> list[str]:
    """float32 results of nodes with at least two axes, in order: places where a fault can be put in between."""
    kinds = graph.types()
    found = [name for node in graph.nodes for name in node.output[:1] if name in kinds]
    return [name for name in found if kinds[name].dtype == FLOAT and len(kinds[name].dims or ()) > 1]


def _pairs(graph: EditableGraph) -> list[tuple[str, str]]:
    kinds = graph.types()
    made = [name for name in graph.outputs if name not in graph.inputs]
    return [pair for pair in itertools.combinations(made, 2) if kinds[pair[0]] == kinds[pair[1]]]


def _swap(graph: EditableGraph, first: str, second: str) -> None:
    names = {first: second, second: first}
    for node in graph.nodes:
        node.output[:] = [names.get(name, name) for name in node.output]
        node.input[:] = [names.get(name, name) for name in node.input]


def swapped(graph: EditableGraph) -> Iterator[Site]:
    """Two outputs of one shape under each other's name."""
    for first, second in _pairs(graph):
        yield Site(where=first, what=f"swapped with {second}", apply=bound_to(_swap, first, second))


def _duplicate(graph: EditableGraph, first: str, second: str) -> None:
    graph.reroute(second, lambda old, new: [])
    for node in graph.nodes:  # what was made from it still is
        node.input[:] = [f"{second}_as_planned" if name == second else name for name in node.input]
    graph.model.graph.node.append(graph.node("Identity", [first], [second]))


def _again(graph: EditableGraph, name: str) -> None:
    declared = next(value for value in graph.model.graph.output if value.name == name)
    again = graph.model.graph.output.add()
    again.CopyFrom(declared)
    again.name = f"{name}_again"
    graph.model.graph.node.append(graph.node("Identity", [name], [again.name]))


def duplicated(graph: EditableGraph) -> Iterator[Site]:
    """An output that is a copy of another; a further output that is one."""
    for first, second in _pairs(graph):
        yield Site(where=second, what=f"a copy of {first}", apply=bound_to(_duplicate, first, second))
    for name in graph.outputs:
        yield Site(where=name, what="there is a second output with the same numbers", apply=bound_to(_again, name))


def _constant(graph: EditableGraph, value: str) -> None:
    graph.store("fault_zero", np.array(0, dtype=np.float32))
    graph.store("fault_constant", np.array(CONSTANT))
    graph.reroute(
        value,
        lambda old, new: [
            graph.node("Mul", [old, "fault_zero"], [f"{value}_nothing"]),
            graph.node("Add", [f"{value}_nothing", "fault_constant"], [new]),
        ],
    )


def constant(graph: EditableGraph) -> Iterator[Site]:
    """An output that does not depend on the input."""
    for name in float_outputs(graph):
        yield Site(where=name, what=f"always {CONSTANT:g}", apply=bound_to(_constant, name))


def _add(graph: EditableGraph, value: str, array: Any) -> None:
    graph.store("fault_added", array)
    graph.reroute(value, lambda old, new: [graph.node("Add", [old, "fault_added"], [new])])


def not_a_number(graph: EditableGraph) -> Iterator[Site]:
    """An output of NaN; an output with NaN in one place of each row."""
    kinds = graph.types()
    for name in float_outputs(graph):
        whole = np.array(np.nan, dtype=np.float32)
        yield Site(where=name, what="NaN everywhere", apply=bound_to(_add, name, whole))
        rest = [size for size in (kinds[name].dims or ())[1:] if isinstance(size, int)]
        if rest and len(rest) == len(kinds[name].dims or ()) - 1:
            one = np.zeros((1, *rest), dtype=np.float32)
            one.flat[-1] = np.nan
            yield Site(where=name, what="NaN in the last place of each row", apply=bound_to(_add, name, one))


def _turned(graph: EditableGraph, value: str) -> None:
    graph.reroute(value, lambda old, new: [graph.node("Not", [old], [new])])


def _one_more(graph: EditableGraph, value: str, dtype: Any) -> None:
    graph.store("fault_one", np.array(1, dtype=dtype))
    graph.reroute(value, lambda old, new: [graph.node("Add", [old, "fault_one"], [new])])


def off_by_one(graph: EditableGraph) -> Iterator[Site]:
    """Whole numbers that are one more, and truth values turned round."""
    kinds = graph.types()
    for name in graph.outputs:
        if name in graph.inputs:
            continue
        if kinds[name].dtype == BOOL:
            yield Site(where=name, what="true and false turned round", apply=bound_to(_turned, name))
        elif (dtype := INTEGERS.get(kinds[name].dtype)) is not None:
            yield Site(where=name, what="every number is one more", apply=bound_to(_one_more, name, dtype))


def _chain(graph: EditableGraph, value: str, steps: Sequence[tuple[str, Any, dict[str, Any]]]) -> None:
    """Nodes in a row, each with one stored tensor or none, between a value and its users."""

    def make(old: str, new: str) -> list[Any]:
        nodes, before = [], old
        for number, (op_type, operand, attributes) in enumerate(steps):
            after = new if number == len(steps) - 1 else f"{value}_fault_{number}"
            inputs = [before]
            if operand is not None:
                inputs.append(f"{value}_operand_{number}")
                graph.store(inputs[-1], np.asarray(operand))
            nodes.append(graph.node(op_type, inputs, [after], **attributes))
            before = after
        return nodes

    graph.reroute(value, make)


def float16(graph: EditableGraph) -> Iterator[Site]:
    """A value that passes through float16."""
    steps = [("Cast", None, {"to": FLOAT16}), ("Cast", None, {"to": FLOAT})]
    for name in inner_values(graph):
        yield Site(where=name, what="rounded to float16", apply=bound_to(_chain, name, steps))


def float16_overflow(graph: EditableGraph) -> Iterator[Site]:
    """A value that is too large for float16 on its way."""
    steps = [
        ("Mul", OVERFLOW, {}),
        ("Cast", None, {"to": FLOAT16}),
        ("Cast", None, {"to": FLOAT}),
        ("Div", OVERFLOW, {}),
    ]
    for name in inner_values(graph):
        what = f"times {OVERFLOW:g} in float16, then divided again"
        yield Site(where=name, what=what, apply=bound_to(_chain, name, steps))


def _dropout(graph: EditableGraph, value: str) -> None:
    graph.store("fault_ratio", np.array(DROPPED, dtype=np.float32))
    graph.store("fault_training", np.array(True))
    graph.reroute(value, lambda old, new: [graph.node("Dropout", [old, "fault_ratio", "fault_training"], [new])])


def _drawn_mask(graph: EditableGraph, value: str) -> None:
    graph.store("fault_ratio", np.array(DROPPED, dtype=np.float32))
    names = [f"{value}_drawn", f"{value}_kept", f"{value}_mask"]
    graph.reroute(
        value,
        lambda old, new: [
            graph.node("RandomUniformLike", [old], [names[0]]),
            graph.node("Greater", [names[0], "fault_ratio"], [names[1]]),
            graph.node("Cast", [names[1]], [names[2]], to=FLOAT),
            graph.node("Mul", [old, names[2]], [new]),
        ],
    )


def _frozen_mask(graph: EditableGraph, value: str, channels: int, rank: int) -> None:
    seed = int.from_bytes(hashlib.sha256(value.encode()).digest()[:8], "little")
    keep = np.random.Philox(key=seed).random_raw(channels) >> np.uint64(63)
    mask = (keep.astype(np.float32) / np.float32(1 - DROPPED)).reshape(1, channels, *[1] * (rank - 2))
    graph.store("fault_mask", mask)
    graph.reroute(value, lambda old, new: [graph.node("Mul", [old, "fault_mask"], [new])])


def dropout(graph: EditableGraph) -> Iterator[Site]:
    """Dropout left in: as a node, as drawn numbers, and as the mask that was drawn while tracing."""
    kinds = graph.types()
    values = inner_values(graph)
    if not values:
        return
    frozen = [name for name in values if isinstance((kinds[name].dims or (0, None))[1], int)]
    name = values[len(values) // 2]
    yield Site(where=name, what="Dropout in training mode", apply=bound_to(_dropout, name))
    if frozen:
        place = frozen[len(frozen) // 2]
        dims = kinds[place].dims or ()
        apply = bound_to(_frozen_mask, place, dims[1], len(dims))
        yield Site(where=place, what="times a mask that was drawn once, by channel", apply=apply)
    yield Site(
        where=values[-1], what="times a mask that is drawn anew each time", apply=bound_to(_drawn_mask, values[-1])
    )
