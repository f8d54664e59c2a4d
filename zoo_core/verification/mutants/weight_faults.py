"""Faults in the stored numbers: weights and biases."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np

from .mutable_graph import FLOAT, Array, EditableGraph, Site, bound_to

_BIAS_INPUTS = {
    "Conv": (2,),
    "ConvTranspose": (2,),
    "Gemm": (2,),
    "BatchNormalization": (2,),
    "LayerNormalization": (2,),
    "InstanceNormalization": (2,),
    "GroupNormalization": (2,),
    "Add": (0, 1),
}
"""Where a bias stands; of an Add only a tensor with one axis that is longer than 1."""

SHIFT = np.float32(1e-3)
LARGEST_EPSILON = 1e-2


def float_tensors(graph: EditableGraph) -> list[str]:
    """Names of the float32 tensors with more than one element, in the order of their use; no scales of a resize."""
    sizes = {name for node in graph.nodes if node.op_type == "Resize" for name in node.input[1:]}
    found = [t.name for t in graph.tensors() if t.data_type == FLOAT and int(np.prod(t.dims, dtype=np.int64)) > 1]
    return [name for name in found if name not in sizes]


def biases(graph: EditableGraph) -> list[str]:
    """Those of `float_tensors` that are added."""
    sizes = {tensor.name: tuple(tensor.dims) for tensor in graph.tensors() if tensor.data_type == FLOAT}
    found: dict[str, None] = {}
    for node in graph.nodes:
        for place in _BIAS_INPUTS.get(node.op_type, ()):
            name = node.input[place] if place < len(node.input) else ""
            # A table of positions is added too, but it has two long axes.
            if name in sizes and sum(size > 1 for size in sizes[name]) == 1:
                found[name] = None
    return list(found)


def weights(graph: EditableGraph) -> list[str]:
    """Those of `float_tensors` that are no bias."""
    added = set(biases(graph))
    return [name for name in float_tensors(graph) if name not in added]


def bfloat16(array: Array) -> Array:
    """float32 values rounded to the nearest that bfloat16 holds, ties to even."""
    bits = array.astype(np.float32).view(np.uint32)
    rounded = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    return (rounded & np.uint32(0xFFFF0000)).view(np.float32)


def changed(
    which: Callable[[EditableGraph], list[str]], how: Callable[[Array], Array], what: str
) -> Callable[[EditableGraph], Iterator[Site]]:
    """Sites that change all values of one tensor."""

    def apply(graph: EditableGraph, name: str) -> None:
        array = graph.array(name)
        if array is not None:
            graph.store(name, how(array))

    def sites(graph: EditableGraph) -> Iterator[Site]:
        for name in which(graph):
            yield Site(where=name, what=what, apply=bound_to(apply, name))

    return sites


def _swap(graph: EditableGraph, first: str, second: str) -> None:
    one, two = graph.array(first), graph.array(second)
    if one is not None and two is not None:
        graph.store(first, two)
        graph.store(second, one)


def swapped(graph: EditableGraph) -> Iterator[Site]:
    """Two tensors of one shape that hold each other's values; neighbours, which are the easiest to mistake."""
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.tensors()}
    names = float_tensors(graph)
    for shape in dict.fromkeys(shapes[name] for name in names):
        same = [name for name in names if shapes[name] == shape]
        for first, second in itertools.pairwise(same):
            what = f"holds the values of {second}, and the other way round"
            yield Site(where=first, what=what, apply=bound_to(_swap, first, second))


def _epsilon(graph: EditableGraph, place: int, value: float) -> None:
    graph.set_attribute(graph.nodes[place], "epsilon", value)


def _added_epsilon(graph: EditableGraph, place: int, position: int, value: float) -> None:
    name = f"{graph.nodes[place].name}_epsilon"
    graph.store(name, np.array(value, dtype=np.float32))
    graph.nodes[place].input[position] = name


def epsilons(graph: EditableGraph) -> Iterator[Site]:
    """The epsilon of a normalisation times 10: where a node of that kind is left, or a small number before a root."""
    rooted = {name for node in graph.nodes if node.op_type in {"Sqrt", "Pow"} for name in node.input}
    scalars = {tensor.name for tensor in graph.tensors() if tensor.data_type == FLOAT and not sum(tensor.dims)}
    for place, node in enumerate(graph.nodes):
        if node.op_type.endswith("Normalization"):
            value = float(graph.attribute(node, "epsilon", 1e-5))
            what = f"epsilon {10 * value:.3g} in place of {value:.3g}"
            yield Site(where=node.name, what=what, apply=bound_to(_epsilon, place, 10 * value))
        elif node.op_type == "Add" and rooted & set(node.output):
            for position, name in enumerate(node.input):
                array = graph.array(name) if name in scalars else None
                if array is not None and 0 < float(array) <= LARGEST_EPSILON:
                    value = float(array)
                    what = f"epsilon {10 * value:.3g} in place of {value:.3g}"
                    yield Site(where=node.name, what=what, apply=bound_to(_added_epsilon, place, position, 10 * value))


zeroed = changed(weights, np.zeros_like, "all values 0")
scaled_a_lot = changed(weights, lambda a: a * np.float32(1.01), "times 1.01")
scaled_a_little = changed(weights, lambda a: a * np.float32(1.001), "times 1.001")
sign_flipped = changed(weights, np.negative, "with its sign flipped")
bias_dropped = changed(biases, np.zeros_like, "all values 0")
bias_shifted = changed(biases, lambda a: a + SHIFT, f"plus {SHIFT:g}")
rounded = changed(float_tensors, bfloat16, "rounded to bfloat16")
