"""Functions whose small values are written out, because the exporter or onnxruntime loses them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import onnx
from onnx import numpy_helper

from .split_means import AXES_ARE_AN_INPUT

_MADE_OF = "pkg.torch.onnx.fx_node"

Nodes = list[onnx.NodeProto]


def keep_small_values(model: onnx.ModelProto, *, opset: int) -> None:
    """Change `model` in place, so that these are as exact relative to their own size as PyTorch's are.

    - onnxruntime's Sigmoid is off by 1e-7 whatever it gives: a rare tag's probability of 1e-6 by a tenth, and its
      logarithm has no value below -18. It becomes `1 / (1 + exp(-x))`; one that only scales something, as in SiLU and
      squeeze-and-excitation, stays what every runtime makes quick;
    - `logsigmoid`, which the exporter takes apart into both, is `-softplus(-x)`;
    - `expm1` and `log1p`, which it takes apart into `exp(x) - 1` and `log(1 + x)`: nothing is left of small x.
    """
    if opset < AXES_ARE_AN_INPUT:
        return
    graph = model.graph
    makers = {name: node for node in graph.node for name in node.output}
    outputs = {value.name for value in graph.output}
    types = {value.name: value.type.tensor_type.elem_type for value in (*graph.value_info, *graph.input, *graph.output)}
    constants = _Constants(graph, types)
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        graph.node.extend(_written_out(node, makers, constants))
    _drop_unread(graph, [node for node in nodes if node.op_type in {"Sigmoid", "Add"}], outputs)
    nodes = list(graph.node)
    readers = _readers(nodes)
    del graph.node[:]
    for node in nodes:
        answers = node.op_type == "Sigmoid" and not _only_scales(node.output[0], readers, makers, outputs)
        is_known = answers and constants.fit(node.input[0])
        graph.node.extend(_sigmoid(node, constants) if is_known else [node])


class _Constants:
    """Numbers of the type of a value beside it."""

    def __init__(self, graph: onnx.GraphProto, types: Mapping[str, int]) -> None:
        self._graph, self._types = graph, types

    def fit(self, value: str) -> bool:
        """Whether the type of that value is known."""
        return bool(self._types.get(value))

    def add(self, name: str, number: float, *, beside: str) -> str:
        """The name of a new constant of the type of the value `beside` it."""
        dtype = onnx.helper.tensor_dtype_to_np_dtype(self._types[beside])
        self._graph.initializer.append(numpy_helper.from_array(np.array(number, dtype), name))
        return name


def _written_out(node: onnx.NodeProto, makers: Mapping[str, onnx.NodeProto], constants: _Constants) -> Nodes:
    """What stands in the place of `node`, which often is itself."""
    before = makers.get(node.input[0]) if node.input else None
    if before is None or not before.input:
        return [node]
    if node.op_type == "Log" and before.op_type == "Sigmoid":
        return _log_sigmoid(node, before.input[0])
    if not constants.fit(before.input[0]):
        return [node]
    if node.op_type == "Sub" and before.op_type == "Exp" and _is_part_of(node, "expm1"):
        return _expm1(node, before, constants)
    if node.op_type == "Log" and before.op_type == "Add" and _is_part_of(node, "log1p"):
        return _log1p(node, before, constants)
    return [node]


def _is_part_of(node: onnx.NodeProto, function: str) -> bool:
    return any(each.key == _MADE_OF and f"aten.{function}." in each.value for each in node.metadata_props)


def _readers(nodes: Iterable[onnx.NodeProto]) -> dict[str, Nodes]:
    readers: dict[str, Nodes] = {}
    for node in nodes:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    return readers


def _only_scales(
    gate: str, readers: Mapping[str, Nodes], makers: Mapping[str, onnx.NodeProto], outputs: set[str]
) -> bool:
    """Whether a Sigmoid's values do nothing but multiply something, within the model, that is no probability itself."""

    def scales(node: onnx.NodeProto) -> bool:
        others = [makers.get(name) for name in node.input if name != gate]
        is_product = node.op_type == "Mul" and not outputs & set(node.output)
        return is_product and not any(other is not None and other.op_type == "Sigmoid" for other in others)

    return gate not in outputs and bool(readers.get(gate)) and all(map(scales, readers[gate]))


def _builder(node: onnx.NodeProto) -> Callable[..., onnx.NodeProto]:
    """Makes nodes that come from where `node` came from."""

    def make(operator: str, inputs: list[str], output: str) -> onnx.NodeProto:
        made = onnx.helper.make_node(operator, inputs, [output], name=f"{node.name}_{operator.lower()}")
        made.metadata_props.extend(node.metadata_props)
        return made

    return make


def _sigmoid(node: onnx.NodeProto, constants: _Constants) -> Nodes:
    make, x, y = _builder(node), node.input[0], node.output[0]
    return [
        make("Neg", [x], f"{y}_negative"),
        make("Exp", [f"{y}_negative"], f"{y}_odds_against"),
        make("Add", [f"{y}_odds_against", constants.add(f"{y}_one", 1, beside=x)], f"{y}_all_odds"),
        make("Reciprocal", [f"{y}_all_odds"], y),
    ]


def _log_sigmoid(node: onnx.NodeProto, x: str) -> Nodes:
    make, y = _builder(node), node.output[0]
    softplus = make("Softplus", [f"{y}_negative"], f"{y}_softplus")
    last = make("Neg", [f"{y}_softplus"], y)
    last.name = f"{node.name}_result"
    return [make("Neg", [x], f"{y}_negative"), softplus, last]


def _expm1(node: onnx.NodeProto, exp: onnx.NodeProto, constants: _Constants) -> Nodes:
    """`tanh(x / 2) * (exp(x) + 1)`: nothing cancels."""
    make, x, y = _builder(node), exp.input[0], node.output[0]
    return [
        make("Mul", [x, constants.add(f"{y}_half", 0.5, beside=x)], f"{y}_half_of_it"),
        make("Tanh", [f"{y}_half_of_it"], f"{y}_tanh"),
        make("Add", [exp.output[0], node.input[1]], f"{y}_plus_one"),
        onnx.helper.make_node("Mul", [f"{y}_tanh", f"{y}_plus_one"], [y], name=f"{node.name}_result"),
    ]


def _log1p(node: onnx.NodeProto, add: onnx.NodeProto, constants: _Constants) -> Nodes:
    """`x * log(u) / (u - 1)` with `u = 1 + x`, whose rounding is in both parts; `x` where u is 1.

    Source: W. Kahan; in N. J. Higham, Accuracy and Stability of Numerical Algorithms, 1.14.1.
    """
    make, (x, one), u, y = _builder(node), add.input, node.input[0], node.output[0]
    return [
        make("Log", [u], f"{y}_log"),
        make("Sub", [u, one], f"{y}_kept"),
        make("Equal", [f"{y}_kept", constants.add(f"{y}_zero", 0, beside=x)], f"{y}_is_lost"),
        make("Div", [x, f"{y}_kept"], f"{y}_lost"),
        make("Mul", [f"{y}_log", f"{y}_lost"], f"{y}_product"),
        make("Where", [f"{y}_is_lost", x, f"{y}_product"], y),
    ]


def _drop_unread(graph: onnx.GraphProto, candidates: Nodes, outputs: set[str]) -> None:
    """Take out those of the candidates that nothing reads any more."""
    read = {name for node in graph.node for name in node.input} | outputs
    unread = [node for node in candidates if not read & set(node.output)]
    for node in unread:
        graph.node.remove(node)
