"""The graph of a written file, to look for places where a fault fits, and to change them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import missing_package
from zoo_core.verification.conclude.weights import same_bits

Array = NDArray[Any]

FLOAT = 1
"""ONNX's number for float32."""


def onnx_package(name: str = "onnx") -> Any:
    """A module of the onnx package. Raises ZooError where it is not installed: no extra brings it alone."""
    try:
        # By name: the base install has no onnx, and nothing else here may depend on it.
        return importlib.import_module(name)
    except ImportError:
        raise missing_package("onnx", needed_for="zoo verify --mutants") from None


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What is known of one value of the graph: ONNX's number for its dtype, and its axes (None: unknown)."""

    dtype: int
    dims: tuple[int | str | None, ...] | None


class EditableGraph:
    """The main graph of a model. Values, nodes and initialisers are named by what they are called in the file."""

    def __init__(self, content: bytes) -> None:
        self.model: Any = onnx_package().load_model_from_string(content)
        self._types: dict[str, Kind] | None = None

    @property
    def nodes(self) -> Sequence[Any]:
        """The nodes, in order."""
        nodes: Sequence[Any] = self.model.graph.node
        return nodes

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        return tuple(value.name for value in self.model.graph.output)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs, in order."""
        return tuple(value.name for value in self.model.graph.input)

    @property
    def metadata(self) -> dict[str, str]:
        """The key and value texts of the file."""
        return {prop.key: prop.value for prop in self.model.metadata_props}

    def set_metadata(self, key: str, text: str) -> None:
        """Replace one text."""
        next(prop for prop in self.model.metadata_props if prop.key == key).value = text

    def tensors(self) -> Iterator[Any]:
        """The stored tensors in the order in which nodes use them, then those that no node uses."""
        stored = {tensor.name: tensor for tensor in self.model.graph.initializer}
        for node in self.nodes:
            for name in node.input:
                if name in stored:
                    yield stored.pop(name)
        yield from stored.values()

    def array(self, name: str) -> Array | None:
        """The values of a stored tensor; None where there is none of that name."""
        for tensor in self.model.graph.initializer:
            if tensor.name == name:
                array: Array = onnx_package("onnx.numpy_helper").to_array(tensor)
                return array
        return None

    def store(self, name: str, array: Array) -> None:
        """Change the values of a stored tensor, or store a new one."""
        if (old := self.array(name)) is not None and same_bits(old, array):
            return  # another encoding of the same values is no change
        made = onnx_package("onnx.numpy_helper").from_array(np.ascontiguousarray(array).reshape(array.shape), name)
        for tensor in self.model.graph.initializer:
            if tensor.name == name:
                tensor.CopyFrom(made)
                return
        self.model.graph.initializer.append(made)

    def attribute(self, node: Any, name: str, default: Any = None) -> Any:
        """The value of an attribute of a node; texts are decoded."""
        for attribute in node.attribute:
            if attribute.name == name:
                value = onnx_package("onnx.helper").get_attribute_value(attribute)
                return value.decode() if isinstance(value, bytes) else value
        return default

    def set_attribute(self, node: Any, name: str, value: Any) -> None:
        """Set an attribute of a node; None takes it away."""
        kept = [attribute for attribute in node.attribute if attribute.name != name]
        del node.attribute[:]
        if value is not None:
            kept.append(onnx_package("onnx.helper").make_attribute(name, value))
        node.attribute.extend(kept)

    def node(self, op_type: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> Any:
        """A new node, not yet in the graph."""
        name = f"fault_{op_type}_{outputs[0]}"  # no two nodes of a file have one name
        return onnx_package("onnx.helper").make_node(op_type, inputs, outputs, name=name, **attributes)

    def types(self) -> dict[str, Kind]:
        """What ONNX's own inference says of every value, and what is declared."""
        if self._types is None:
            inferred = onnx_package("onnx.shape_inference").infer_shapes(self.model, data_prop=True).graph
            values = (*inferred.value_info, *inferred.input, *inferred.output)
            self._types = {value.name: _kind(value.type.tensor_type) for value in values}
        return self._types

    def reroute(self, value: str, make: Callable[[str, str], Sequence[Any]]) -> None:
        """Put nodes between a value and all that use it: `make(old, new)` gives nodes that turn `old` into `new`."""
        inner = f"{value}_as_planned"
        if value in self.inputs:
            for node in self.nodes:
                node.input[:] = [inner if name == value else name for name in node.input]
            self._insert(0, make(value, inner))
            return
        place = next(i for i, node in enumerate(self.nodes) if value in node.output)
        producer = self.nodes[place]
        producer.output[:] = [inner if name == value else name for name in producer.output]
        self._insert(place + 1, make(inner, value))

    def _insert(self, place: int, nodes: Sequence[Any]) -> None:
        for offset, node in enumerate(nodes):
            self.model.graph.node.insert(place + offset, node)

    def serialized(self, *, keep_shapes: bool = False) -> bytes:
        """The bytes of the file; shapes of inner values, which a fault may have changed, are left out."""
        if not keep_shapes:
            del self.model.graph.value_info[:]
        content: bytes = self.model.SerializeToString(deterministic=True)
        return content


def _kind(tensor_type: Any) -> Kind:
    if not tensor_type.HasField("shape"):
        return Kind(dtype=tensor_type.elem_type, dims=None)
    dims = tuple(dim.dim_value if dim.HasField("dim_value") else dim.dim_param or None for dim in tensor_type.shape.dim)
    return Kind(dtype=tensor_type.elem_type, dims=dims)


@dataclass(frozen=True, kw_only=True)
class Site:
    """A place for a fault: `where` (a name in the file), `what` is changed there, and the change itself."""

    where: str
    what: str
    apply: Callable[[EditableGraph], None] = field(repr=False)


def bound_to(function: Callable[..., None], *arguments: Any) -> Callable[[EditableGraph], None]:
    """`function(graph, *arguments)` as a function of the graph alone."""
    return lambda graph: function(graph, *arguments)
