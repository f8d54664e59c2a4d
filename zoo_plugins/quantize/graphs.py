"""What is done to graphs beside the work of onnxruntime's tools."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx


_REQUANTIZED = frozenset({"Conv", "ConvTranspose", "Gemm"})


def copied(proto: onnx.ModelProto) -> onnx.ModelProto:
    """A copy: onnxruntime's tools change what they are given."""
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    return copy


def in_order(proto: onnx.ModelProto) -> None:
    """Put each node behind those that it needs, and as near to them as may be; the tools append theirs at the end."""
    nodes = list(proto.graph.node)
    makers = {name: node for node in nodes for name in node.output if name}
    placed: dict[int, onnx.NodeProto] = {}
    waiting = nodes[::-1]
    begun: set[int] = set()
    while waiting:
        node = waiting[-1]
        needed = [makers[name] for name in sorted(_needs(node)) if name in makers]
        missing = [each for each in needed if id(each) not in placed and id(each) not in begun]
        begun.add(id(node))
        if missing and id(node) not in placed:
            waiting += missing
            continue
        waiting.pop()
        placed.setdefault(id(node), node)
    copies = [type(node).FromString(node.SerializeToString()) for node in placed.values()]
    del proto.graph.node[:]
    proto.graph.node.extend(copies)


def _needs(node: onnx.NodeProto) -> set[str]:
    """The values that a node takes, those of its inner graphs among them."""
    needed = set(node.input)
    for attribute in node.attribute:
        for inner in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
            own = {value.name for value in (*inner.input, *inner.initializer)}
            own |= {name for each in inner.node for name in each.output}
            needed |= {name for each in inner.node for name in _needs(each)} - own
            needed |= {value.name for value in inner.output} - own
    return needed


def keep_outputs_float(proto: onnx.ModelProto) -> None:
    """Take away what rounds the outputs of the whole graph: nothing computes with them, so that this saves no time."""
    graph = proto.graph
    makers = {name: node for node in graph.node for name in node.output}
    for output in graph.output:
        last = makers.get(output.name)
        before = makers.get(last.input[0]) if last is not None and last.op_type == "DequantizeLinear" else None
        if last is None or before is None or before.op_type != "QuantizeLinear" or before.input[0] not in makers:
            continue
        raw = before.input[0]
        uses = [node for node in graph.node if before.output[0] in node.input]
        graph.node.remove(last)
        if uses == [last]:
            graph.node.remove(before)
        _rename(graph.node, raw, output.name)


def _rename(nodes: Iterable[onnx.NodeProto], old: str, new: str) -> None:
    for node in nodes:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name == old:
                    names[place] = new


def keep_weights_float(proto: onnx.ModelProto) -> None:
    """See to it that weights which are float stay so.

    Where one of these operators takes a float weight and what was a whole number, onnxruntime quantizes the weight
    itself when it optimises, by one scale for all channels. A Sum of one value between the two keeps it from that.
    """
    graph = proto.graph
    weights = {tensor.name for tensor in graph.initializer if tensor.data_type == tensor.FLOAT}
    made = {name for node in graph.node if node.op_type == "DequantizeLinear" for name in node.output}
    added = []
    for node in graph.node:
        if node.op_type in _REQUANTIZED and node.input[0] in made and node.input[1] in weights:
            sum_of_one = type(node)(op_type="Sum", name=f"{node.name}.float", input=[node.input[0]])
            sum_of_one.output.append(f"{node.name}.input")
            node.input[0] = sum_of_one.output[0]
            added.append(sum_of_one)
    graph.node.extend(added)


def forget_unused(proto: onnx.ModelProto) -> None:
    """Take away weights that no node uses any more, and inner shapes, which speak of values that are gone."""
    used = {name for node in proto.graph.node for name in _needs(node)}
    used |= {value.name for value in proto.graph.output}
    kept = [tensor for tensor in proto.graph.initializer if tensor.name in used]
    copies = [type(tensor).FromString(tensor.SerializeToString()) for tensor in kept]
    del proto.graph.initializer[:], proto.graph.value_info[:]
    proto.graph.initializer.extend(copies)


def float_inputs(proto: onnx.ModelProto) -> Mapping[str, Sequence[str]]:
    """The names of the float32 weights that each node takes directly, by the node's name; nodes without are not there.

    Weights of a single number are none: there is nothing to save.
    """
    import onnx

    sizes = {
        tensor.name: math.prod(tensor.dims)
        for tensor in proto.graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT
    }
    found = {node.name: [n for n in node.input if sizes.get(n, 0) > 1] for node in proto.graph.node}
    return {name: weights for name, weights in found.items() if weights}
