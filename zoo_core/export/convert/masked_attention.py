"""Attention of a row whose mask lets nothing through gives 0, as PyTorch's does, and not NaN."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper

from .split_means import AXES_ARE_AN_INPUT

_MADE_OF = "pkg.torch.onnx.fx_node"
_ATTENTION = "scaled_dot_product_attention"


def let_nothing_through(model: onnx.ModelProto, *, opset: int) -> None:
    """Change `model` in place: after each Softmax of a masked attention, rows of -inf alone become 0.

    PyTorch's own attention does so, and a text that is all padding has such rows; the exporter takes a plain Softmax.
    One that is written in the model itself gives NaN in PyTorch, too, and stays.
    """
    if opset < AXES_ARE_AN_INPUT:
        return
    makers = {name: node.op_type for node in model.graph.node for name in node.output}
    nodes = list(model.graph.node)
    del model.graph.node[:]
    for node in nodes:
        masked = node.op_type == "Softmax" and _is_attention(node) and makers.get(node.input[0]) in {"Add", "Where"}
        rest = _after(node, model.graph) if masked else []
        model.graph.node.extend([node, *rest])


def _is_attention(node: onnx.NodeProto) -> bool:
    return any(each.key == _MADE_OF and _ATTENTION in each.value for each in node.metadata_props)


def _after(node: onnx.NodeProto, graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes behind `node`, whose output gets another name."""
    scores, weights, kept = node.input[0], f"{node.output[0]}_of_all", node.output[0]
    node.output[0] = weights
    names = {each: f"{node.name}_{each}" for each in ("axis", "zero", "largest", "nothing", "none")}
    graph.initializer.append(numpy_helper.from_array(np.array([-1], np.int64), names["axis"]))
    graph.initializer.append(numpy_helper.from_array(np.zeros((), np.float32), names["zero"]))
    make = onnx.helper.make_node
    made = [
        make("ReduceMax", [scores, names["axis"]], [names["largest"]], name=names["largest"], keepdims=1),
        make("IsInf", [names["largest"]], [names["nothing"]], name=names["nothing"], detect_positive=0),
        make("CastLike", [names["zero"], weights], [names["none"]], name=names["none"]),
        make("Where", [names["nothing"], names["none"], weights], [kept], name=f"{node.name}_kept"),
    ]
    for each in made:
        each.metadata_props.extend(node.metadata_props)
    return made
