"""A float file with its preparation before it, and probabilities behind it where they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import onnx

from zoo_core.errors import ZooError
from zoo_core.export.convert.clean import IMAGE_DENOTATIONS
from zoo_core.shapes import TensorSpec

from .bakeable import Interface
from .drawn.drawing import PREFIX
from .drawn.preparation import PREPARED, picture_graph
from .head import PROBABILITIES, Head

_TYPES = {"uint8": onnx.TensorProto.UINT8, "float32": onnx.TensorProto.FLOAT}


def joined(model: onnx.ModelProto, interface: Interface, head: Head | None) -> onnx.ModelProto:
    """A new model of the nodes and weights of `model`, which stays as it is, and of those that prepare its pictures.

    Raises ZooError for a model that has names of ours.
    """
    if any(name.startswith(PREFIX) for name in _names(model.graph)):
        raise ZooError(f"a node or weight of the model has a name that begins with {PREFIX!r}, as those have of ours")
    made = onnx.ModelProto()
    made.CopyFrom(model)
    graph = made.graph
    before = picture_graph(interface.recipe, interface.name)
    _rename_uses(graph, interface.name, PREPARED)
    nodes = [*before.nodes, *graph.node, *(_head_nodes(head) if head else ())]
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.extend(before.constants)
    prepared = graph.value_info.add()
    prepared.CopyFrom(graph.input[0])
    prepared.name = PREPARED
    prepared.type.denotation = ""
    _fix_sizes(graph, interface.bound)
    del graph.input[:]
    graph.input.append(_picture_input(interface))
    if head:
        graph.output.append(_value(PROBABILITIES, interface.outputs[PROBABILITIES]))
    return made


def model_part(made: onnx.ModelProto, interface: Interface) -> onnx.GraphProto:
    """What is left of the graph of a joined model without what was added, with its old names."""
    graph = onnx.GraphProto()
    graph.node.extend(node for node in made.graph.node if not node.name.startswith(PREFIX))
    graph.initializer.extend(each for each in made.graph.initializer if not each.name.startswith(PREFIX))
    _rename_uses(graph, PREPARED, interface.name)
    return graph


def _head_nodes(head: Head) -> list[onnx.NodeProto]:
    more: dict[str, Any] = {"axis": 1} if head.operator == "Softmax" else {}
    name = f"{PREFIX}{PROBABILITIES}"
    return [onnx.helper.make_node(head.operator, [head.output], [PROBABILITIES], name=name, **more)]


def _names(graph: onnx.GraphProto) -> Iterator[str]:
    for node in graph.node:
        yield from (node.name, *node.output)
    yield from (tensor.name for tensor in graph.initializer)


def _rename_uses(graph: onnx.GraphProto, old: str, new: str) -> None:
    """Let nodes, and those of the graphs inside them, take another value."""
    for node in graph.node:
        for place, name in enumerate(node.input):
            if name == old:
                node.input[place] = new
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs):
                _rename_uses(inner, old, new)


def _fix_sizes(graph: onnx.GraphProto, bound: Mapping[str, int]) -> None:
    """Free axes of the model that the recipe fixes are numbers: their names mean sides of pictures from now on."""
    if not bound:
        return
    for value in (*graph.value_info, *graph.output):
        for dim in value.type.tensor_type.shape.dim:
            if dim.HasField("dim_param"):
                size = TensorSpec(dim.dim_param).bind(bound).axes[0]
                if isinstance(size, int):
                    dim.dim_value = size


def _picture_input(interface: Interface) -> onnx.ValueInfoProto:
    value = _value(interface.name, interface.picture)
    value.type.denotation = "IMAGE"
    for dim, name in zip(value.type.tensor_type.shape.dim, IMAGE_DENOTATIONS["NHWC"], strict=True):
        dim.denotation = name
    return value


def _value(name: str, spec: TensorSpec) -> onnx.ValueInfoProto:
    value: onnx.ValueInfoProto = onnx.helper.make_tensor_value_info(name, _TYPES[spec.dtype], list(spec.axes))
    return value
