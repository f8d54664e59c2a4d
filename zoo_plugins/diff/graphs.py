"""What differs between two graphs: operators that only one has, attributes, operands, and what is joined to what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from zoo_core.runtime import Node

from .aligning import aligned
from .shown import shown, shown_array
from .structure import Structure, attribute_digest, is_operand, module_of


@dataclass(frozen=True, kw_only=True)
class Change:
    """A node that both files have, and one thing about it that differs: an attribute, an operand, or an input."""

    node: str
    op_type: str
    what: str
    a: str
    b: str


@dataclass(frozen=True, kw_only=True)
class GraphDifference:
    """What differs between two graphs, whatever they call their values. `stored`: which weights belong together."""

    opsets: tuple[str, str]
    operators: Mapping[str, tuple[int, int]]
    removed: tuple[dict[str, str], ...] = ()
    added: tuple[dict[str, str], ...] = ()
    changed: tuple[Change, ...] = ()
    renamed: int = 0
    stored: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def is_equal(self) -> bool:
        """Whether both compute the same, but for the values of weights."""
        return self.opsets[0] == self.opsets[1] and not (self.removed or self.added or self.changed)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: everything but which weights belong together."""
        return {
            "equal": self.is_equal,
            "opset": {"a": self.opsets[0], "b": self.opsets[1]},
            "operators": {name: {"a": a, "b": b} for name, (a, b) in self.operators.items()},
            "only_a": list(self.removed),
            "only_b": list(self.added),
            "changed": [vars(change) for change in self.changed],
            "renamed_nodes": self.renamed,
        }


def compare_graphs(a: Structure, b: Structure) -> GraphDifference:
    """What differs between the main graphs of two files."""
    pairs = aligned(a, b)
    wiring = _Wiring(a, b, pairs)
    changed = [change for step, other in pairs.items() for change in _changes(a, b, step, other)]
    changed += wiring.changes()
    counts = [Counter(node.op_type for node in graph.steps) for graph in (a, b)]
    partners = set(pairs.values())
    return GraphDifference(
        opsets=(_opset(a), _opset(b)),
        operators={name: (counts[0][name], counts[1][name]) for name in sorted(counts[0] | counts[1])},
        removed=tuple(_told(node) for step, node in enumerate(a.steps) if step not in pairs),
        added=tuple(_told(node) for step, node in enumerate(b.steps) if step not in partners),
        changed=tuple(changed),
        renamed=sum(a.steps[step].name != b.steps[other].name for step, other in pairs.items()),
        stored=wiring.stored,
    )


def label_of(node: Node) -> str:
    """What a node is called: by its own name, or by the first value that it makes."""
    return node.name or next(filter(None, node.outputs), node.op_type)


def _told(node: Node) -> dict[str, str]:
    return {"node": label_of(node), "op_type": node.op_type, "module": module_of(node)}


def _opset(graph: Structure) -> str:
    return ", ".join(f"{domain} {version}".lstrip() for domain, version in sorted(graph.file.opsets.items()))


def _changes(a: Structure, b: Structure, step: int, other: int) -> Iterator[Change]:
    first, second = a.steps[step], b.steps[other]
    if a.digests.alone[step] == b.digests.alone[other]:
        return
    named = {"node": label_of(first), "op_type": first.op_type}
    mine, theirs = ({each.name: each.value for each in node.attributes} for node in (first, second))
    for name in sorted({*mine, *theirs}):
        both = name in mine and name in theirs
        if both and attribute_digest(a.file, mine[name]) == attribute_digest(b.file, theirs[name]):
            continue
        words = shown(mine.get(name, ...)), shown(theirs.get(name, ...))
        more = ", another one" if words[0] == words[1] else ""  # a graph, or a tensor of other values
        yield Change(**named, what=name, a=words[0], b=words[1] + more)
    if len(first.outputs) != len(second.outputs):
        yield Change(**named, what="outputs", a=str(len(first.outputs)), b=str(len(second.outputs)))


class _Wiring:
    """Which value of one graph is which of the other, found node by node."""

    def __init__(self, a: Structure, b: Structure, pairs: Mapping[int, int]) -> None:
        self._a, self._b, self._pairs = a, b, pairs
        self._partners = {other: step for step, other in pairs.items()}
        self._inputs = {key: name for name, key in b.inputs.items()}
        self._backwards: dict[str, str] = {}
        self.stored: dict[str, str] = {}

    def changes(self) -> Iterator[Change]:
        """Inputs of nodes, and outputs of the file, that come from elsewhere in the other file."""
        for step, other in self._pairs.items():
            mine, theirs = self._a.taken[step], self._b.taken[other]
            node = self._a.steps[step]
            for place in range(max(len(mine), len(theirs))):
                one, two = (taken[place] if place < len(taken) else "" for taken in (mine, theirs))
                if self._differ(one, two):
                    words = self._in_words(self._a, one), self._in_words(self._b, two)
                    what = f"input {place + 1}"
                    yield Change(node=label_of(node), op_type=node.op_type, what=what, a=words[0], b=words[1])
        outputs = {key: name for name, key in self._b.outputs.items()}
        for name, key in self._a.outputs.items():
            if key in outputs and self._differ(name, outputs[key]):
                words = self._in_words(self._a, name), self._in_words(self._b, outputs[key])
                yield Change(node=name, op_type="output", what="comes", a=words[0], b=words[1])

    def _differ(self, one: str, two: str) -> bool:
        if not (one and two):
            return one != two
        mine, theirs = self._a.made_by.get(one), self._b.made_by.get(two)
        if (mine is not None and mine[0] not in self._pairs) or (
            theirs is not None and theirs[0] not in self._partners
        ):
            return False  # what lies before it is told already, as a node that only one file has
        if mine is not None or theirs is not None:
            return mine is None or theirs is None or (self._pairs[mine[0]], mine[1]) != theirs
        if one in self._a.stored and two in self._b.stored:
            return self._stored_differ(one, two)
        return self._inputs.get(self._a.inputs.get(one, "")) != two

    def _stored_differ(self, one: str, two: str) -> bool:
        same = self._a.contents[one] == self._b.contents[two]
        operands = is_operand(self._a.stored[one]), is_operand(self._b.stored[two])
        if any(operands):
            return not same
        known, backwards = self.stored.setdefault(one, two), self._backwards.setdefault(two, one)
        return (known != two or backwards != one) and not same  # two nodes share weights in one file alone

    def _in_words(self, graph: Structure, name: str) -> str:
        """Where a value comes from; nodes that both files have are called as in A."""
        if not name:
            return "nothing"
        if name in graph.stored:
            tensor = graph.stored[name]
            return shown_array(graph.file, tensor) if is_operand(tensor) else f"the weights {name}"
        if name in graph.made_by:
            step = graph.made_by[name][0]
            own = graph is self._a or step not in self._partners
            return f"from {label_of(graph.steps[step] if own else self._a.steps[self._partners[step]])}"
        return f"the input {name}"
