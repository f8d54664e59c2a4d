"""Kernels and values of an exported file, without torch: stored tensors, and onnxruntime with one more output."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo_core import UsageError, ZooError
from zoo_core.runtime import ExportedModel, Node, bytes_field, has_external_data, stored_array

from .layers import Given, Kernels, Maps, listed_layers, no_convolution, unknown_layer, within

_MODULE = "module"
"""The key under which an export says of each node which module it came from."""

_GRAPH, _OUTPUT, _NAME = 7, 12, 1
"""Numbers of fields: ModelProto.graph, GraphProto.output, ValueInfoProto.name."""


def file_kernels(model: ExportedModel, *, name: str, layer: str | None) -> Kernels:
    """The first convolution of a file, or of one of its layers. Raises UsageError where there is none."""
    convolutions = [node for node in model.file.nodes if node.op_type == "Conv"]
    chosen = convolutions if layer is None else [n for n in _nodes_of(model, name, layer) if n.op_type == "Conv"]
    if not chosen:
        raise no_convolution(f"export {name!r}", layer, list(dict.fromkeys(map(layer_of, convolutions))))
    node = chosen[0]
    tensor = model.file.initializers.get(node.inputs[1])
    if tensor is None:
        raise ZooError(
            f"the kernels of {layer_of(node)} in export {name!r} are computed, and not stored",
            hint="--layer names another convolution",
        )
    values = stored_array(model.file, tensor).astype(np.float32)
    return Kernels(layer=layer_of(node), values=values, first=node is convolutions[0])


def file_maps(model: ExportedModel, *, name: str, layer: str | None, given: Given) -> Maps:
    """What a layer of a file gives for an input; without a name, its first convolution."""
    nodes = _first(model, name) if layer is None else _nodes_of(model, name, layer)
    node = nodes[-1]
    value = next(filter(None, node.outputs))
    batch = given.batch
    first = model.metadata.inputs[model.input_name].axes[0]
    if isinstance(first, int):
        batch = np.repeat(batch, first, axis=0)
    outputs = with_output(model, value).run({model.input_name: batch})
    found = outputs[value]
    if found.ndim == 0 or len(found) != len(batch):
        raise ZooError(
            f"layer {layer_of(node)!r} of export {name!r} gives the shape {found.shape}, not one value for each input",
            hint="name another layer",
        )
    calls = _calls(model.file.nodes, nodes[-1]) if layer is not None else 1
    return Maps(layer=layer or layer_of(node), values=found[0], calls=calls)


def with_output(model: ExportedModel, value: str) -> ExportedModel:
    """The same file with a value between its nodes as one more output. Raises ZooError for weights in a second file."""
    file = model.file
    if any(output.name == value for output in file.outputs):
        return model
    if has_external_data(file):
        raise ZooError(
            f"{file.path} keeps its weights in a second file, and values between its nodes cannot be shown then",
            hint="--what activations of the run shows them",
        )
    # Protobuf joins what is written one after the other, so that the file need not be taken apart.
    extra = bytes_field(_GRAPH, bytes_field(_OUTPUT, bytes_field(_NAME, value.encode())))
    return model.with_content(bytes(file.content) + extra)


def layer_of(node: Node) -> str:
    """The module that a node came from, or its own name where the file does not say."""
    return dict(node.metadata).get(_MODULE) or node.name or next(filter(None, node.outputs), node.op_type)


def _first(model: ExportedModel, name: str) -> list[Node]:
    for node in model.file.nodes:
        if node.op_type == "Conv":
            return [node]
    hint = listed_layers(_names(model.file.nodes))
    raise UsageError(f"export {name!r} has no convolution: name a layer with --layer", hint=hint)


def _nodes_of(model: ExportedModel, name: str, layer: str) -> list[Node]:
    nodes = [node for node in model.file.nodes if within(layer_of(node), layer)]
    if not nodes:
        raise unknown_layer(f"export {name!r}", layer, _names(model.file.nodes))
    return nodes


def _names(nodes: Sequence[Node]) -> list[str]:
    return list(dict.fromkeys(map(layer_of, nodes)))


def _calls(nodes: Sequence[Node], last: Node) -> int:
    """How often a module that is one operator is called."""
    return sum(layer_of(node) == layer_of(last) and node.op_type == last.op_type for node in nodes)
