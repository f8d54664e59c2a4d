"""Ranges that are found anew for each row of a batch, in place of one for the whole of it.

onnxruntime's dynamic quantizer finds one range for all that flows in, so that an answer depends on the rows beside it,
and a rounding in the largest value moves every other. Here each row has a range of its own: of a product of matrices
each vector that is multiplied, of a convolution each picture. Steps are powers of two, looked up by comparison, so that
finding them is exact on every machine; so are those of the weights, one for each channel also of a convolution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import ZooError

from .exact import power_of_two

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """How a range lies in uint8: the whole number that stands for zero, and how many steps lie above it."""

    zero: int
    most: int

    @property
    def limits_name(self) -> str:
        return f"rows.limits.{self.most}"

    @property
    def zero_name(self) -> str:
        return f"rows.zero.{self.zero}"


_BOTH_SIDES, _ABOVE = _Kind(zero=128, most=127), _Kind(zero=0, most=255)
_EXPONENTS = range(-30, 31)
_STEPS, _COARSEST, _LAST, _ONE = (f"rows.{name}" for name in ("steps", "coarsest", "last", "one"))
_WHOLE, _SCALE, _TURNED = "_quantized", "_scale", "_Transposed"
"""How onnxruntime's tool goes on with the name of a weight."""
_BY_ROW = ".rows"
_LAST_DIGIT = 2.0**-11
"""Of what is added to a product, as a part of its largest value."""
_MOST_OF_WEIGHTS = 64
"""7 bits: processors without VNNI overflow with 8."""
_EACH_ROW = {"MatMulInteger", "ConvInteger"}
_AXES_AS_INPUT = 18
"""The first opset whose ReduceMax and ReduceMin take their axes as an input."""
_NOT_NEGATIVE = {"Relu", "Sigmoid", "HardSigmoid", "Softmax"}
_SAME_SIGN = {
    "MaxPool",
    "AveragePool",
    "GlobalAveragePool",
    "ReduceMean",
    "Reshape",
    "Flatten",
    "Transpose",
    "Identity",
}


def ranges_of_rows(proto: onnx.ModelProto, floats: Mapping[str, NDArray[Any]]) -> None:
    """Put them in place of each DynamicQuantizeLinear. `floats`: the weights before they were whole numbers.

    Raises ZooError where rows cannot be told apart.
    """
    nodes = list(proto.graph.node)
    found = [node for node in nodes if node.op_type == "DynamicQuantizeLinear"]
    opset = next(each.version for each in proto.opset_import if not each.domain)
    ranks = {tensor.name: len(tensor.dims) for tensor in proto.graph.initializer}
    makers = {name: node for node in nodes for name in node.output}
    for number, node in enumerate(found):
        axes = _axes_within(node, nodes, ranks)
        kind = _ABOVE if _is_not_negative(node.input[0], makers) else _BOTH_SIDES
        proto.graph.node.remove(node)
        proto.graph.node.extend(_range_of(number, node, kind, axes, proto, opset))
        proto.graph.node.extend(_scaled_by_row(node.output[1], nodes))
        _rename(nodes, node.output[2], kind.zero_name)
    if found:
        _add_tables(proto)
    _exact_weights(proto, floats)
    _exact_biases(proto)


def _axes_within(node: onnx.NodeProto, nodes: Sequence[onnx.NodeProto], ranks: dict[str, int]) -> list[int]:
    """The axes that lie within a row of what a node quantizes."""
    users = [user for user in nodes if node.output[0] in user.input]
    kinds = {user.op_type for user in users}
    if len(kinds) != 1 or not kinds <= _EACH_ROW:
        raise ZooError(
            f"{node.input[0]!r} goes into {', '.join(sorted(kinds)) or 'nothing'}: it has no rows of its own"
        )
    return [-1] if kinds == {"MatMulInteger"} else list(range(1, ranks[users[0].input[1]]))


def _is_not_negative(value: str, makers: Mapping[str, onnx.NodeProto]) -> bool:
    """Whether a value comes from a node that gives nothing below zero."""
    while (maker := makers.get(value)) is not None and maker.op_type in _SAME_SIGN:
        value = maker.input[0]
    return maker is not None and maker.op_type in _NOT_NEGATIVE


def _range_of(
    number: int, node: onnx.NodeProto, kind: _Kind, axes: list[int], proto: onnx.ModelProto, opset: int
) -> list[onnx.NodeProto]:
    """Nodes that give what DynamicQuantizeLinear gave; the scale is one for each row."""
    from onnx.helper import make_node
    from onnx.numpy_helper import from_array

    (value,), (whole, scale, _) = node.input, node.output
    at = f"rows.{number}"
    if opset >= _AXES_AS_INPUT:
        proto.graph.initializer.append(from_array(np.array(axes, np.int64), f"{at}.axes"))
        reduced: Any = [f"{at}.axes"], [_LAST], {}, {}
    else:
        reduced = [], [], {"axes": axes}, {"axes": [-1]}
    return [
        make_node("Abs", [value], [f"{at}.size"]),
        make_node("ReduceMax", [f"{at}.size", *reduced[0]], [f"{at}.largest"], **reduced[2]),
        make_node("LessOrEqual", [f"{at}.largest", kind.limits_name], [f"{at}.reached"]),  # its last axis has one value
        make_node("Where", [f"{at}.reached", _STEPS, _COARSEST], [f"{at}.steps"]),
        make_node("ReduceMin", [f"{at}.steps", *reduced[1]], [scale], **reduced[3]),
        make_node("Div", [value, scale], [f"{at}.scaled"]),
        make_node("QuantizeLinear", [f"{at}.scaled", _ONE, kind.zero_name], [whole]),
    ]


def _rename(nodes: Sequence[onnx.NodeProto], old: str, new: str) -> None:
    for node in nodes:
        for place, name in enumerate(node.input):
            if name == old:
                node.input[place] = new


def _scaled_by_row(scale: str, nodes: Sequence[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """Products by a scale for each row, behind those by the scales of the weights.

    Not both at once, as the tool has them: onnxruntime fuses that into an operator whose scale is one number, and which
    does not mind that it is given more, and loses what is added behind it.
    """
    from onnx.helper import make_node

    made = []
    for both in [node for node in nodes if scale in node.input]:
        both.input[list(both.input).index(scale)] = _ONE
        for node in [node for node in nodes if both.output[0] in node.input]:
            answer, node.output[0] = node.output[0], f"{node.output[0]}.before"
            name = f"{node.name or answer}{_BY_ROW}"
            made.append(make_node("Mul", [node.output[0], scale], [answer], name=name))
    return made


def _exact_weights(proto: onnx.ModelProto, floats: Mapping[str, NDArray[Any]]) -> None:
    """Weights anew, in steps that are powers of two."""
    from onnx.numpy_helper import from_array

    users = {node.input[1].removesuffix(_WHOLE): node for node in proto.graph.node if node.op_type in _EACH_ROW}
    stored = {tensor.name: tensor for tensor in proto.graph.initializer}
    for name, user in users.items():
        del user.input[3:]  # where their zero is, which is 0
        weight = floats[name] if name in floats else floats[name.removesuffix(_TURNED)].T
        within = tuple(range(1, weight.ndim)) if user.op_type == "ConvInteger" else tuple(range(weight.ndim - 1))
        steps = power_of_two(np.abs(weight).max(axis=within, keepdims=True) / _MOST_OF_WEIGHTS)
        whole = np.rint(weight / steps).astype(np.int8)
        scales = steps.reshape(-1, *[1] * (weight.ndim - 2 if user.op_type == "ConvInteger" else 0))
        for suffix, value in ((_WHOLE, whole), (_SCALE, scales.astype(np.float32))):
            stored[f"{name}{suffix}"].CopyFrom(from_array(value, f"{name}{suffix}"))


def _exact_biases(proto: onnx.ModelProto) -> None:
    """What is added to a product, in so few digits that the sum is exact in float32."""
    from onnx.numpy_helper import from_array, to_array

    makers = {name: node for node in proto.graph.node for name in node.output}
    added = set()
    for node in proto.graph.node:
        if node.op_type == "Add" and any(name in makers and makers[name].name.endswith(_BY_ROW) for name in node.input):
            from_shape = [makers[name] for name in node.input if name in makers and makers[name].op_type == "Reshape"]
            added |= {*node.input, *(each.input[0] for each in from_shape)}
    for tensor in proto.graph.initializer:
        if tensor.name in added:
            bias = to_array(tensor)
            digit = power_of_two(np.abs(bias).max(initial=0.0)) * _LAST_DIGIT
            tensor.CopyFrom(from_array((np.rint(bias / digit) * digit).astype(np.float32), tensor.name))


def _add_tables(proto: onnx.ModelProto) -> None:
    """What every range is looked up in: steps, and the largest value that each of them reaches."""
    from onnx.numpy_helper import from_array

    steps = np.exp2(np.array(_EXPONENTS, np.float64))
    tables = {
        **{kind.limits_name: (steps * kind.most).astype(np.float32) for kind in (_BOTH_SIDES, _ABOVE)},
        **{kind.zero_name: np.array(kind.zero, np.uint8) for kind in (_BOTH_SIDES, _ABOVE)},
        _STEPS: steps.astype(np.float32),
        _COARSEST: steps[-1].astype(np.float32),
        _LAST: np.array([-1], np.int64),
        _ONE: np.array(1, np.float32),
    }
    proto.graph.initializer.extend(from_array(table, name) for name, table in tables.items())
