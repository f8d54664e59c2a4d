"""Faults in what the nodes do: strides, padding, axes, activations, pooling, resizing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .mutable_graph import EditableGraph, Site, bound_to

WINDOWED = ("Conv", "ConvTranspose", "MaxPool", "AveragePool")
REDUCTIONS = ("ReduceMean", "ReduceMax", "ReduceSum", "ReduceMin", "ReduceL2", "Squeeze", "Unsqueeze")
ACTIVATIONS = {
    "Relu": "LeakyRelu",
    "LeakyRelu": "Relu",
    "Clip": "Relu",
    "HardSwish": "Relu",
    "HardSigmoid": "Sigmoid",
    "Sigmoid": "HardSigmoid",
    "Gelu": "Relu",
    "Tanh": "Softsign",
    "Elu": "Relu",
    "Erf": "Tanh",
    "Softplus": "Relu",
    "Softmax": "LogSoftmax",
}
"""What each activation is mistaken for."""


def _set(graph: EditableGraph, place: int, attributes: dict[str, Any]) -> None:
    for name, value in attributes.items():
        graph.set_attribute(graph.nodes[place], name, value)


def _named(graph: EditableGraph, *op_types: str) -> Iterator[tuple[int, Any]]:
    return ((place, node) for place, node in enumerate(graph.nodes) if node.op_type in op_types)


def _window(graph: EditableGraph, node: Any) -> list[int] | None:
    """The kernel of a convolution or pooling; None where it cannot be told."""
    if (kernel := graph.attribute(node, "kernel_shape")) is not None:
        return list(kernel)
    weight = graph.array(node.input[1]) if len(node.input) > 1 else None
    return list(weight.shape[2:]) if weight is not None else None


def _one_more(values: Sequence[int], *, least: int) -> Iterator[list[int]]:
    """The values with the first changed by one, then with all of them changed by one."""
    step = -1 if values[0] > least else 1
    yield [values[0] + step, *values[1:]]
    if len(values) > 1:
        yield [value + step if value + step >= least else value + 1 for value in values]


def strides(graph: EditableGraph) -> Iterator[Site]:
    """A stride changed by one."""
    for place, node in _named(graph, *WINDOWED):
        kernel = _window(graph, node)
        if kernel is None:
            continue
        old = list(graph.attribute(node, "strides", [1] * len(kernel)))
        for new in _one_more(old, least=1):
            what = f"strides {new} in place of {old}"
            yield Site(where=node.name, what=what, apply=bound_to(_set, place, {"strides": new}))


def pads(graph: EditableGraph) -> Iterator[Site]:
    """A padding changed by one: moved from the end to the front where there is some, so that no size tells."""
    for place, node in _named(graph, *WINDOWED):
        kernel = _window(graph, node)
        if kernel is None or graph.attribute(node, "auto_pad", "NOTSET") != "NOTSET":
            continue
        old = list(graph.attribute(node, "pads", [0] * 2 * len(kernel)))
        new = list(old)
        new[0] += 1
        if new[len(kernel)] > 0:
            new[len(kernel)] -= 1
        what = f"pads {new} in place of {old}"
        yield Site(where=node.name, what=what, apply=bound_to(_set, place, {"pads": new}))


def dilations(graph: EditableGraph) -> Iterator[Site]:
    """A dilation changed by one; with pads that keep the size where that is possible."""
    for place, node in _named(graph, "Conv", "MaxPool"):
        kernel = _window(graph, node)
        if kernel is None or max(kernel) == 1:
            continue
        axis = next(i for i, size in enumerate(kernel) if size > 1)
        old = list(graph.attribute(node, "dilations", [1] * len(kernel)))
        new = [value + 1 if i == axis else value for i, value in enumerate(old)]
        padding = list(graph.attribute(node, "pads", [0] * 2 * len(kernel)))
        grown = kernel[axis] - 1
        padding[axis] += grown // 2
        padding[axis + len(kernel)] += grown - grown // 2
        what = f"dilations {new} in place of {old}"
        together = f"{what}, pads {padding}"
        yield Site(where=node.name, what=together, apply=bound_to(_set, place, {"dilations": new, "pads": padding}))
        yield Site(where=node.name, what=what, apply=bound_to(_set, place, {"dilations": new}))


def _set_axes(graph: EditableGraph, place: int, axes: list[int]) -> None:
    name = f"{graph.nodes[place].name}_axes"
    graph.store(name, np.array(axes, dtype=np.int64))
    graph.nodes[place].input[1] = name


def axes(graph: EditableGraph) -> Iterator[Site]:
    """An axis changed by one."""
    for place, node in enumerate(graph.nodes):
        if (old := graph.attribute(node, "axis")) is not None:
            for new in (old - 1, old + 1):
                what = f"axis {new} in place of {old}"
                yield Site(where=node.name, what=what, apply=bound_to(_set, place, {"axis": new}))
        elif node.op_type == "Transpose" and (order := graph.attribute(node, "perm")) and len(order) > 1:
            turned = [*order[:-2], order[-1], order[-2]]
            what = f"perm {turned} in place of {list(order)}"
            yield Site(where=node.name, what=what, apply=bound_to(_set, place, {"perm": turned}))
        elif node.op_type in REDUCTIONS and len(node.input) > 1:
            array = graph.array(node.input[1])
            if array is not None and array.size:
                old_axes = [int(axis) for axis in array.ravel()]
                for step in (-1, 1):
                    moved = [old_axes[0] + step, *old_axes[1:]]
                    what = f"axes {moved} in place of {old_axes}"
                    yield Site(where=node.name, what=what, apply=bound_to(_set_axes, place, moved))


def _become(graph: EditableGraph, place: int, op_type: str, dropped: tuple[str, ...], inputs: int) -> None:
    node = graph.nodes[place]
    node.op_type = op_type
    del node.input[inputs:]
    for name in dropped:
        graph.set_attribute(node, name, None)


def _attribute_names(node: Any) -> tuple[str, ...]:
    return tuple(attribute.name for attribute in node.attribute)


def activations_removed(graph: EditableGraph) -> Iterator[Site]:
    """An activation that lets everything through."""
    for place, node in _named(graph, *ACTIVATIONS):
        apply = bound_to(_become, place, "Identity", _attribute_names(node), 1)
        yield Site(where=node.name, what=f"{node.op_type} removed", apply=apply)


def activations_replaced(graph: EditableGraph) -> Iterator[Site]:
    """An activation mistaken for a similar one."""
    for place, node in _named(graph, *ACTIVATIONS):
        other = ACTIVATIONS[node.op_type]
        kept = {"axis"} if node.op_type == "Softmax" else set()
        apply = bound_to(_become, place, other, tuple(set(_attribute_names(node)) - kept), 1)
        yield Site(where=node.name, what=f"{other} in place of {node.op_type}", apply=apply)


_POOLS = {
    "MaxPool": ("AveragePool", ("storage_order",)),
    "AveragePool": ("MaxPool", ("count_include_pad",)),
    "GlobalAveragePool": ("GlobalMaxPool", ()),
    "GlobalMaxPool": ("GlobalAveragePool", ()),
    "ReduceMean": ("ReduceMax", ()),
    "ReduceMax": ("ReduceMean", ()),
}


def pools(graph: EditableGraph) -> Iterator[Site]:
    """Maximum for average and the other way round; padding counted in an average or not."""
    for place, node in _named(graph, *_POOLS):
        if len(node.output) == 1:
            other, dropped = _POOLS[node.op_type]
            apply = bound_to(_become, place, other, dropped, len(node.input))
            yield Site(where=node.name, what=f"{other} in place of {node.op_type}", apply=apply)
    for place, node in _named(graph, "AveragePool"):
        counted = graph.attribute(node, "count_include_pad", 0)
        if any(graph.attribute(node, "pads", ())):
            what = "padding counted in the average" if not counted else "padding not counted in the average"
            apply = bound_to(_set, place, {"count_include_pad": 1 - counted})
            yield Site(where=node.name, what=what, apply=apply)


_RESIZES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("mode", "nearest", ("linear", "nearest", "cubic")),
    ("coordinate_transformation_mode", "half_pixel", ("align_corners", "asymmetric", "half_pixel")),
    ("nearest_mode", "round_prefer_floor", ("floor", "ceil")),
)


def _keeps_sizes(graph: EditableGraph, node: Any) -> bool:
    """Whether a node's first result is known to have the sizes of its first input."""
    before, after = (graph.types().get(name) for name in (node.input[0], node.output[0]))
    sizes = before.dims if before else None
    return sizes is not None and after is not None and sizes == after.dims and all(isinstance(n, int) for n in sizes)


def resizes(graph: EditableGraph) -> Iterator[Site]:
    """Another interpolation, other corners, another rounding; of what is resized to its own size each one is right."""
    for place, node in _named(graph, "Resize"):
        if _keeps_sizes(graph, node):
            continue
        for name, usual, values in _RESIZES:
            old = graph.attribute(node, name, usual)
            if name == "nearest_mode" and graph.attribute(node, "mode", "nearest") != "nearest":
                continue
            for new in values:
                if new != old:
                    what = f"{name} {new} in place of {old}"
                    yield Site(where=node.name, what=what, apply=bound_to(_set, place, {name: new}))
