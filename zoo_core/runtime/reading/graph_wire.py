"""From the bytes of a GraphProto to a Graph: strict, and bounded in depth."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo_core.file_limits import MAX_AXES, MAX_GRAPH_DEPTH

from .graph import Attribute, Graph, Node, SparseTensor, Value
from .protobuf import Budget, Field, WireError, join, read_message, read_pairs
from .tensors import ELEMENT_TYPES, parse_shape, parse_tensor
from .varints import count_varints, decode_ints

_GRAPH = {
    1: Field("node", "message", repeated=True),
    2: Field("name", "string"),
    5: Field("initializer", "message", repeated=True),
    10: Field("doc_string", "string"),
    11: Field("input", "message", repeated=True),
    12: Field("output", "message", repeated=True),
    15: Field("sparse_initializer", "message", repeated=True),
}
_NODE = {
    1: Field("input", "string", repeated=True),
    2: Field("output", "string", repeated=True),
    3: Field("name", "string"),
    4: Field("op_type", "string"),
    5: Field("attribute", "message", repeated=True),
    6: Field("doc_string", "string"),
    7: Field("domain", "string"),
    9: Field("metadata_props", "message", repeated=True),
}
_ATTRIBUTE = {
    1: Field("name", "string"),
    2: Field("f", "float"),
    3: Field("i", "int"),
    4: Field("s", "bytes"),
    5: Field("t", "message"),
    6: Field("g", "message"),
    7: Field("floats", "fixed32s"),
    8: Field("ints", "varints"),
    9: Field("strings", "bytes", repeated=True),
    10: Field("tensors", "message", repeated=True),
    11: Field("graphs", "message", repeated=True),
    14: Field("type_proto", "message"),
    15: Field("type_protos", "message", repeated=True),
    20: Field("type", "int"),
    22: Field("sparse_tensor", "message"),
    23: Field("sparse_tensors", "message", repeated=True),
}
_SPARSE = {1: Field("values", "message"), 2: Field("indices", "message"), 3: Field("dims", "varints")}
_VALUE = {1: Field("name", "string"), 2: Field("type", "message"), 3: Field("doc_string", "string")}
_TYPE = {
    1: Field("tensor", "message"),
    4: Field("sequence", "message"),
    5: Field("map", "message"),
    6: Field("denotation", "string"),
    7: Field("opaque", "message"),
    8: Field("sparse tensor", "message"),
    9: Field("optional", "message"),
}
_TENSOR_TYPE = {1: Field("elem_type", "int"), 2: Field("shape", "message")}
_SHAPE = {1: Field("dim", "message", repeated=True)}
_DIM = {1: Field("value", "int"), 2: Field("param", "string"), 3: Field("denotation", "string")}
_CONTENT = {
    1: "f",
    2: "i",
    3: "s",
    4: "t",
    5: "g",
    6: "floats",
    7: "ints",
    8: "strings",
    9: "tensors",
    10: "graphs",
    11: "sparse_tensor",
    12: "sparse_tensors",
    13: "type_proto",
    14: "type_protos",
}


def parse_graph(data: memoryview, budget: Budget, *, depth: int = 0) -> Graph:
    """A GraphProto. Raises WireError on anything else, and on graphs nested deeper than MAX_GRAPH_DEPTH."""
    if depth > MAX_GRAPH_DEPTH:
        raise WireError(f"graphs are nested more than {MAX_GRAPH_DEPTH} deep", reason="too-deep")
    found = read_message(data, _GRAPH, budget)
    budget.spend_nodes(len(found.get("node", ())))
    return Graph(
        name=found.get("name", ""),
        inputs=tuple(_parse_value(piece, budget) for piece in found.get("input", [])),
        outputs=tuple(_parse_value(piece, budget) for piece in found.get("output", [])),
        nodes=tuple(_parse_node(piece, budget, depth) for piece in found.get("node", [])),
        tensors=tuple(parse_tensor(piece, budget) for piece in found.get("initializer", [])),
        sparse=tuple(_parse_sparse(piece, budget) for piece in found.get("sparse_initializer", [])),
        doc_string=found.get("doc_string", ""),
    )


def _parse_node(data: memoryview, budget: Budget, depth: int) -> Node:
    found = read_message(data, _NODE, budget)
    domain = found.get("domain", "")
    return Node(
        name=found.get("name", ""),
        op_type=found.get("op_type", ""),
        domain="" if domain == "ai.onnx" else domain,
        inputs=tuple(found.get("input", ())),
        outputs=tuple(found.get("output", ())),
        attributes=tuple(_parse_attribute(piece, budget, depth) for piece in found.get("attribute", [])),
        metadata=read_pairs(found.get("metadata_props", []), budget),
        doc_string=found.get("doc_string", ""),
    )


def _parse_attribute(data: memoryview, budget: Budget, depth: int) -> Attribute:
    found = read_message(data, _ATTRIBUTE, budget)
    name = found.get("name", "")
    held = [content for content in _CONTENT.values() if content in found]
    declared = _CONTENT.get(found.get("type", 0))
    if len(held) > 1 or (declared and held and held != [declared]):
        raise WireError(f"the attribute {name!r} has more than one meaning: {', '.join([*held, declared or ''])}")
    content = held[0] if held else declared
    if content is None:
        raise WireError(f"the attribute {name!r} has no value")
    return Attribute(name=name, value=_attribute_value(found.get(content, []), content, budget, depth))


def _attribute_value(held: Any, content: str, budget: Budget, depth: int) -> Any:
    single = not isinstance(held, list)
    if content in {"f", "i", "s"}:
        return bytes(held) if content == "s" else held
    if content == "floats":
        budget.spend(sum(map(len, held)) // 4)
        return tuple(np.frombuffer(join(held), "<f4").tolist())
    if content == "ints":
        budget.spend(count_varints(held))
        return decode_ints(held)
    if content == "strings":
        return tuple(bytes(piece) for piece in held)
    pieces = [held] if single else held
    values: tuple[Any, ...]
    if content in {"t", "tensors"}:
        values = tuple(parse_tensor(piece, budget) for piece in pieces)
    elif content in {"g", "graphs"}:
        values = tuple(parse_graph(piece, budget, depth=depth + 1) for piece in pieces)
    elif content in {"sparse_tensor", "sparse_tensors"}:
        values = tuple(_parse_sparse(piece, budget) for piece in pieces)
    else:
        values = tuple(bytes(piece) for piece in pieces)
    return values[0] if single and values else values


def _parse_sparse(data: memoryview, budget: Budget) -> SparseTensor:
    found = read_message(data, _SPARSE, budget)
    if "values" not in found or "indices" not in found:
        raise WireError("a sparse tensor has no values or no indices")
    return SparseTensor(
        values=parse_tensor(found["values"], budget),
        indices=parse_tensor(found["indices"], budget),
        shape=parse_shape(found.get("dims", []), of="a sparse tensor"),
    )


def _parse_value(data: memoryview, budget: Budget) -> Value:
    found = read_message(data, _VALUE, budget)
    name, doc_string = found.get("name", ""), found.get("doc_string", "")
    kinds = read_message(found["type"], _TYPE, budget) if "type" in found else {}
    denotation = kinds.pop("denotation", "")
    if len(kinds) > 1:
        raise WireError(f"the value {name!r} has more than one type")
    kind = next(iter(kinds), "untyped")
    if kind != "tensor":
        return Value(name=name, kind=kind, denotation=denotation, doc_string=doc_string)
    tensor = read_message(kinds["tensor"], _TENSOR_TYPE, budget)
    code = tensor.get("elem_type", 0)
    if code not in ELEMENT_TYPES:
        raise WireError(f"the value {name!r} has the unknown element type {code}")
    dims: tuple[int | str | None, ...] | None = None
    denotations: tuple[str, ...] = ()
    if "shape" in tensor:
        pieces = read_message(tensor["shape"], _SHAPE, budget).get("dim", [])
        if len(pieces) > MAX_AXES:
            raise WireError(f"the value {name!r} has {len(pieces):,} axes, and {MAX_AXES} is the most")
        axes = [read_message(piece, _DIM, budget) for piece in pieces]
        dims = tuple(axis.get("value", axis.get("param") or None) for axis in axes)
        denotations = tuple(axis.get("denotation", "") for axis in axes)
    return Value(
        name=name,
        dtype=ELEMENT_TYPES[code].name,
        dims=dims,
        denotation=denotation,
        dim_denotations=denotations,
        doc_string=doc_string,
    )
