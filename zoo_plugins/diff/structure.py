"""A graph without the names of its values: what each operator is, and what lies before and after it.

Every node gets digests. Nodes of two files whose digests are equal do the same with the same, whatever the files call
their values and in whichever order they list what does not depend on each other.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from zoo_core.runtime import Node, OnnxFile

from .numbers import digest_of

_OPERANDS = {"int64", "int32", "bool"}
_MOST_OPERANDS = 64
"""Numbers in a stored tensor that says what an operator does, such as a shape or axes: a part of the graph."""


def is_operand(tensor: Any) -> bool:
    """Whether a stored tensor says what an operator does, such as a shape or axes, rather than being weights."""
    return getattr(tensor, "dtype", "") in _OPERANDS and tensor.size <= _MOST_OPERANDS


def module_of(node: Node) -> str:
    """The module of the PyTorch model that a node came from; empty where the file does not say."""
    return dict(node.metadata).get("module", "")


@dataclass(frozen=True, kw_only=True)
class Digests:
    """One digest a node: of the node alone, with all that leads to it, and with all that it leads to."""

    alone: tuple[bytes, ...]
    before: tuple[bytes, ...]
    after: tuple[bytes, ...]


class Structure:
    """The main graph of a file. `steps` are its nodes; a node that only holds a tensor is a stored tensor."""

    def __init__(self, file: OnnxFile, *, by_name: bool) -> None:
        self.file = file
        held = {node.outputs[0]: tensor for node in file.nodes if (tensor := _held_by(node)) is not None}
        self.stored: Mapping[str, Any] = {
            **file.initializers,
            **{sparse.name: sparse for sparse in file.graph.sparse},
            **held,
        }
        self.steps = tuple(node for node in file.nodes if _held_by(node) is None)
        self.taken = tuple((*node.inputs, *_captured(node)) for node in self.steps)
        inputs = [value.name for value in file.inputs]
        outputs = [value.name for value in file.outputs]
        self.inputs = dict(zip(inputs, inputs if by_name else map(str, range(len(inputs))), strict=True))
        self.outputs = dict(zip(outputs, outputs if by_name else map(str, range(len(outputs))), strict=True))
        self.made_by = {name: (step, place) for step, node in enumerate(self.steps) for place, name in _outputs(node)}

    @cached_property
    def digests(self) -> Digests:
        """Digests of nodes, in which weights count as weights, whatever their values."""
        return self._digests(exact=False)

    @cached_property
    def exact_digests(self) -> Digests:
        """The same with the values of weights."""
        return self._digests(exact=True)

    @cached_property
    def contents(self) -> dict[str, bytes]:
        """The digest of each stored tensor's values."""
        return {name: _content(self.file, tensor) for name, tensor in self.stored.items()}

    @cached_property
    def _alone(self) -> tuple[bytes, ...]:
        return tuple(_of_node(self.file, node) for node in self.steps)

    def _digests(self, *, exact: bool) -> Digests:
        stored = {name: self._stored(name, exact=exact) for name in self.stored}
        alone = self._alone
        values = {**stored, **{name: _joined(b"input", key.encode()) for name, key in self.inputs.items()}}
        before = []
        for node, taken, own in zip(self.steps, self.taken, alone, strict=True):
            digest = _joined(own, *(values.get(name, b"") for name in taken))
            before.append(digest)
            values.update({name: _joined(digest, str(place).encode()) for place, name in _outputs(node)})
        return Digests(alone=alone, before=tuple(before), after=self._after(alone, stored))

    def _after(self, alone: tuple[bytes, ...], stored: Mapping[str, bytes]) -> tuple[bytes, ...]:
        uses: defaultdict[str, list[bytes]] = defaultdict(list)
        for name, key in self.outputs.items():
            uses[name].append(_joined(b"output", key.encode()))
        after = [b""] * len(self.steps)
        for step in reversed(range(len(self.steps))):
            used = [_joined(*sorted(uses[name])) for _, name in _outputs(self.steps[step])]
            kept = [stored.get(name, b"" if name else b"none") for name in self.taken[step]]
            after[step] = _joined(alone[step], b"gives", *used, b"takes", *kept)
            for place, name in enumerate(self.taken[step]):
                uses[name].append(_joined(after[step], str(place).encode()))
        return tuple(after)

    def _stored(self, name: str, *, exact: bool) -> bytes:
        known = exact or is_operand(self.stored[name])
        return _joined(b"stored", self.contents[name]) if known else b"stored"


def _outputs(node: Node) -> Iterator[tuple[int, str]]:
    return ((place, name) for place, name in enumerate(node.outputs) if name)


def _held_by(node: Node) -> Any:
    """The tensor of a Constant node; None for every other node."""
    if node.op_type != "Constant" or node.domain:
        return None
    value = node.attribute("value")
    return value if hasattr(value, "dtype") and hasattr(value, "raw") else None


def _captured(node: Node) -> tuple[str, ...]:
    """The values that the graphs inside a node take from around it, each once, in the order of their first use."""
    return tuple(dict.fromkeys(name for graph in node.graphs() for name in _free(graph)))


def _free(graph: Any) -> Iterator[str]:
    own = {value.name for value in graph.inputs} | set(graph.initializers)
    own |= {sparse.name for sparse in graph.sparse} | {name for node in graph.nodes for name in node.outputs}
    for node in graph.nodes:
        yield from (name for name in (*node.inputs, *_captured(node)) if name and name not in own)
    yield from (value.name for value in graph.outputs if value.name not in own)


def _of_node(file: OnnxFile, node: Node) -> bytes:
    attributes = sorted((each.name, attribute_digest(file, each.value)) for each in node.attributes)
    words = [piece for name, digest in attributes for piece in (name.encode(), digest)]
    return _joined(node.domain.encode(), node.op_type.encode(), str(len(node.outputs)).encode(), *words)


def attribute_digest(file: OnnxFile, value: Any) -> bytes:
    """Equal for equal values of an attribute; of a graph, what it does, with the values of its weights."""
    if isinstance(value, tuple):
        return _joined(b"list", *(attribute_digest(file, each) for each in value))
    if isinstance(value, int | float | bytes):
        return _joined(type(value).__name__.encode(), repr(value).encode())
    return _of_graph(file, value) if hasattr(value, "nodes") else _content(file, value)


def _of_graph(file: OnnxFile, graph: Any) -> bytes:
    """A branch or the body of a loop; which values it takes from around it is known where it is used."""
    captured = dict.fromkeys(_free(graph))
    values = {name: _joined(b"outer", str(place).encode()) for place, name in enumerate(captured)}
    values |= {value.name: _joined(b"input", str(place).encode()) for place, value in enumerate(graph.inputs)}
    stored = (*graph.initializers.items(), *((sparse.name, sparse) for sparse in graph.sparse))
    values |= {name: _joined(b"stored", _content(file, tensor)) for name, tensor in stored}
    steps = []
    for node in graph.nodes:
        taken = (values.get(name, b"") for name in (*node.inputs, *_captured(node)))
        steps.append(_joined(_of_node(file, node), *taken))
        values.update({name: _joined(steps[-1], str(place).encode()) for place, name in _outputs(node)})
    given = (values.get(value.name, b"") for value in graph.outputs)
    return _joined(b"graph", *sorted(steps), b"gives", *given)


def _content(file: OnnxFile, tensor: Any) -> bytes:
    if hasattr(tensor, "indices"):
        return _joined(repr(tensor.shape).encode(), digest_of(file, tensor.values), digest_of(file, tensor.indices))
    return digest_of(file, tensor)


def _joined(*parts: bytes) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.digest()
