"""Faults that only another batch shows: a size that was baked in, and rows that leak into each other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zoo_core.records import counted

from .mutable_graph import EditableGraph, Site, bound_to
from .output_faults import float_outputs, inner_values

LEAK = np.float32(1e-3)


def _bake_reshape(graph: EditableGraph, place: int, shape: list[int]) -> None:
    node = graph.nodes[place]
    graph.store(f"{node.name}_baked", np.array(shape, dtype=np.int64))
    node.input[1] = f"{node.name}_baked"


def _bake_value(graph: EditableGraph, value: str, rank: int, rows: int) -> None:
    graph.store("fault_shape", np.array([rows, *[0] * (rank - 1)], dtype=np.int64))
    graph.reroute(value, lambda old, new: [graph.node("Reshape", [old, "fault_shape"], [new])])


def _declare(graph: EditableGraph, rows: int) -> None:
    for value in (*graph.model.graph.input, *graph.model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = rows


def baked(graph: EditableGraph, rows: int) -> Iterator[Site]:
    """A batch size of `rows` in a shape, before an output, and in what is declared."""
    kinds = graph.types()
    for place, node in enumerate(graph.nodes):
        shape = graph.array(node.input[1]) if node.op_type == "Reshape" else None
        if shape is not None and shape.size > 1 and shape[0] in {-1, 0} and -1 not in shape[1:]:
            fixed = [rows, *map(int, shape[1:])]
            what = f"to the shape {fixed} in place of {[int(size) for size in shape]}"
            yield Site(where=node.name, what=what, apply=bound_to(_bake_reshape, place, fixed))
            break
    for name in float_outputs(graph):
        dims = kinds[name].dims or ()
        if len(dims) > 1 and isinstance(dims[0], str):
            for count in (rows, 1):
                what = f"always {counted(count, 'row')}"
                yield Site(where=name, what=what, apply=bound_to(_bake_value, name, len(dims), count))
            break
    if all(isinstance((kinds[name].dims or (0,))[0], str) for name in (*graph.inputs, *graph.outputs)):
        yield Site(
            where="inputs and outputs", what=f"declared with {counted(rows, 'row')}", apply=bound_to(_declare, rows)
        )


def _mix(graph: EditableGraph, value: str) -> None:
    """Each row gets a thousandth of what it differs from the mean row: nothing, in a batch of one."""
    graph.store("fault_axes", np.array([0], dtype=np.int64))
    graph.store("fault_part", np.array(LEAK))
    names = [f"{value}_mean", f"{value}_gap", f"{value}_part"]
    graph.reroute(
        value,
        lambda old, new: [
            graph.node("ReduceMean", [old, "fault_axes"], [names[0]], keepdims=1),
            graph.node("Sub", [names[0], old], [names[1]]),
            graph.node("Mul", [names[1], "fault_part"], [names[2]]),
            graph.node("Add", [old, names[2]], [new]),
        ],
    )


def _reverse(graph: EditableGraph, value: str) -> None:
    for name, number in (("start", -1), ("end", np.iinfo(np.int64).min), ("axis", 0), ("step", -1)):
        graph.store(f"fault_{name}", np.array([number], dtype=np.int64))
    operands = ["fault_start", "fault_end", "fault_axis", "fault_step"]
    graph.reroute(value, lambda old, new: [graph.node("Slice", [old, *operands], [new])])


def _first_row(graph: EditableGraph, value: str) -> None:
    graph.store("fault_row", np.array([0], dtype=np.int64))
    names = [f"{value}_first", f"{value}_shape"]
    graph.reroute(
        value,
        lambda old, new: [
            graph.node("Gather", [old, "fault_row"], [names[0]], axis=0),
            graph.node("Shape", [old], [names[1]]),
            graph.node("Expand", names, [new]),
        ],
    )


def leaks(graph: EditableGraph) -> Iterator[Site]:
    """Rows of a batch that reach each other: mixed a little, in another order, or all alike."""
    kinds = graph.types()
    batch = kinds[graph.inputs[0]].dims if graph.inputs else None
    outputs = [name for name in float_outputs(graph) if isinstance((kinds[name].dims or (0,))[0], str)]
    if not outputs or not batch or not isinstance(batch[0], str):
        return
    inner = [name for name in inner_values(graph) if (kinds[name].dims or (0,))[0] == batch[0]]
    yield Site(where=outputs[-1], what="rows mixed by a thousandth", apply=bound_to(_mix, outputs[-1]))
    if inner:
        middle = inner[len(inner) // 2]
        yield Site(where=middle, what="rows mixed by a thousandth", apply=bound_to(_mix, middle))
    yield Site(where=outputs[0], what="rows in reverse order", apply=bound_to(_reverse, outputs[0]))
    yield Site(where=outputs[0], what="every row answers as the first", apply=bound_to(_first_row, outputs[0]))
