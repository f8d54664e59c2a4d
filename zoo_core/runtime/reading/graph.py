"""The graph of an ONNX file as frozen data; tensors stay in the file until they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .tensors import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """An input or output. `dims`: sizes, names of symbolic sizes, None where nothing is said of an axis.

    `dims` is None when not even the rank is known, `dtype` when it is no tensor (`kind` says what it is).
    """

    name: str
    kind: str = "tensor"
    dtype: str | None = None
    dims: tuple[int | str | None, ...] | None = None
    denotation: str = ""
    dim_denotations: tuple[str, ...] = ()
    doc_string: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SparseTensor:
    """A sparse initializer: its values, their indices, and the dense shape."""

    values: Tensor
    indices: Tensor
    shape: tuple[int, ...]

    @property
    def name(self) -> str:
        """The name of the tensor is that of its values."""
        return self.values.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """An attribute of a node. `value`: an int, float, bytes, Tensor, Graph, or a tuple of these."""

    name: str
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One operator of a graph."""

    name: str
    op_type: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: tuple[Attribute, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    doc_string: str = ""

    def attribute(self, name: str, default: Any = None) -> Any:
        """The value of an attribute, or `default`."""
        return next((found.value for found in self.attributes if found.name == name), default)

    def values(self) -> Iterator[Any]:
        """The values of all attributes; of a list, each of its items."""
        for attribute in self.attributes:
            if isinstance(attribute.value, tuple):
                yield from attribute.value
            else:
                yield attribute.value

    def graphs(self) -> Iterator[Graph]:
        """The graphs in its attributes: branches and loop bodies."""
        return (value for value in self.values() if isinstance(value, Graph))


@dataclass(frozen=True, kw_only=True)
class Graph:
    """A graph: the file's own, or a branch or loop body inside a node."""

    name: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    nodes: tuple[Node, ...]
    tensors: tuple[Tensor, ...]
    sparse: tuple[SparseTensor, ...] = ()
    doc_string: str = ""

    @cached_property
    def initializers(self) -> Mapping[str, Tensor]:
        """The stored tensors by name."""
        return {tensor.name: tensor for tensor in self.tensors}

    def walk(self) -> Iterator[Graph]:
        """This graph and every graph inside its nodes."""
        yield self
        for node in self.nodes:
            for inner in node.graphs():
                yield from inner.walk()

    def all_sparse(self) -> Iterator[SparseTensor]:
        """The sparse initializers, and sparse tensors in attributes of this graph's own nodes."""
        yield from self.sparse
        for node in self.nodes:
            yield from (value for value in node.values() if isinstance(value, SparseTensor))

    def all_tensors(self) -> Iterator[Tensor]:
        """Every tensor of this graph itself: stored ones, those in attributes, the parts of sparse ones."""
        yield from self.tensors
        for sparse in self.all_sparse():
            yield from (sparse.values, sparse.indices)
        for node in self.nodes:
            yield from (value for value in node.values() if isinstance(value, Tensor))
