"""Normalisations over axes of a free size get their input centred first: less of it is lost in float32."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import numpy_helper

from .split_means import AXES_ARE_AN_INPUT


def centre_instances(model: onnx.ModelProto, *, opset: int) -> None:
    """Change `model` in place: before each InstanceNormalization over a free axis, the mean is taken off.

    The operator gives the same for any input that is shifted. Its own mean is a sum of one number after the other,
    whose error has no end where an axis is free, and where the input hardly varies, this error is divided by next to
    nothing: with a GroupNorm of 8 groups over 64 by 96 places logits were off by 241 times the rounding floor, and by 2
    after it. What is left of the mean after the subtraction is too little to do so. `split_means` then takes the new
    mean in steps.

    The same is done to the variance where the node only normalises, as that of a GroupNorm: it is the mean of squares
    whose sum is as long, and over 16 by 224 by 224 numbers it put outputs off by 159 half places of a float32. The mean
    of what each square differs from it is added to it, which left 3; PyTorch's own are off by 2.
    """
    if opset < AXES_ARE_AN_INPUT:
        return
    shapes, constants = _shapes(model), {tensor.name: tensor for tensor in model.graph.initializer}
    nodes, replaced = list(model.graph.node), set[str]()
    del model.graph.node[:]
    for node in nodes:
        shape = shapes.get(node.input[0]) if node.op_type == "InstanceNormalization" else None
        if shape is not None and any(size is None for size in shape[2:]):
            model.graph.node.extend(_centred(node, len(shape), model.graph))
            if _only_normalises(node, constants):
                model.graph.node.extend(_normalised(node, model.graph))
                replaced |= set(node.input[1:3])
                continue
        model.graph.node.append(node)
    for name in replaced - set(_names_read(model.graph)):
        model.graph.initializer.remove(constants[name])


def _names_read(graph: onnx.GraphProto) -> Iterator[str]:
    """Every value that a node reads, branches and bodies of loops included."""
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _names_read(attribute.g)


def _shapes(model: onnx.ModelProto) -> dict[str, list[int | None]]:
    """Sizes of values as far as they are known: declared, or what a Reshape makes; None for what is free."""
    found: dict[str, list[int | None]] = {}
    for value in (*model.graph.value_info, *model.graph.input):
        if value.type.tensor_type.HasField("shape"):
            dims = value.type.tensor_type.shape.dim
            found[value.name] = [dim.dim_value if dim.HasField("dim_value") else None for dim in dims]
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Reshape" and node.output[0] not in found and node.input[1] in constants:
            sizes = numpy_helper.to_array(constants[node.input[1]]).reshape(-1)
            found[node.output[0]] = [int(size) if size > 0 else None for size in sizes]
    return found


def _centred(node: onnx.NodeProto, rank: int, graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes that give what `node` then normalises."""
    graph.initializer.append(numpy_helper.from_array(np.arange(2, rank, dtype=np.int64), f"{node.name}_axes"))
    value, out = node.input[0], node.output[0]
    made = [
        _made(node, "ReduceMean", value, f"{node.name}_axes", out=f"{out}_mean"),
        _made(node, "Sub", value, f"{out}_mean", out=f"{out}_centred"),
    ]
    node.input[0] = f"{out}_centred"
    return made


def _only_normalises(node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]) -> bool:
    """Whether its scale is 1 and its bias 0, as where another node has the weights."""
    if not all(name in constants for name in node.input[1:3]):
        return False
    scale, bias = (numpy_helper.to_array(constants[name]) for name in node.input[1:3])
    return bool((scale == 1).all() and (bias == 0).all())


def _normalised(node: onnx.NodeProto, graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes that divide what is centred, once more, by its deviation, in place of `node`."""
    epsilon = next((each.f for each in node.attribute if each.name == "epsilon"), 1e-5)
    graph.initializer.append(numpy_helper.from_array(np.array(epsilon, np.float32), f"{node.name}_epsilon"))
    axes, out = f"{node.name}_axes", node.output[0]
    centred = f"{out}_exactly"
    return [
        _made(node, "ReduceMean", node.input[0], axes, out=f"{out}_left"),
        _made(node, "Sub", node.input[0], f"{out}_left", out=centred),
        _made(node, "Mul", centred, centred, out=f"{out}_squares"),
        _made(node, "ReduceMean", f"{out}_squares", axes, out=f"{out}_roughly"),
        _made(node, "Sub", f"{out}_squares", f"{out}_roughly", out=f"{out}_differing"),
        _made(node, "ReduceMean", f"{out}_differing", axes, out=f"{out}_lost"),
        _made(node, "Add", f"{out}_roughly", f"{out}_lost", out=f"{out}_variance"),
        _made(node, "Add", f"{out}_variance", f"{node.name}_epsilon", out=f"{out}_positive"),
        _made(node, "Sqrt", f"{out}_positive", out=f"{out}_deviation"),
        _made(node, "Div", centred, f"{out}_deviation", out=out),
    ]


def _made(node: onnx.NodeProto, op_type: str, *inputs: str, out: str) -> onnx.NodeProto:
    """A node in place of `node`, which Netron shows where that one was."""
    name = node.name if out == node.output[0] else f"{node.name}{out.removeprefix(node.output[0])}"
    made = onnx.helper.make_node(op_type, inputs, [out], name=name)
    if op_type == "ReduceMean":
        made.attribute.append(onnx.helper.make_attribute("keepdims", 1))
    made.metadata_props.extend(node.metadata_props)
    return made
