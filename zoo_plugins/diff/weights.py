"""How far the weights of two files are from each other: tensor by tensor, and module by module."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from zoo_core.runtime import OnnxFile

from .numbers import Distance, digest_of, distance, has_distance, ratio, values_of
from .structure import Structure, is_operand, module_of


@dataclass(frozen=True, kw_only=True)
class Weight:
    """A stored tensor of either file. `state` says what there is to say of it.

    `a` and `b`: its names there, None where it is not; `forms`: type and shape in both.
    """

    a: str | None
    b: str | None
    module: str
    state: str
    forms: tuple[str, str]
    size: int
    distance: Distance | None = None

    @property
    def name(self) -> str:
        """What it is called, in A where it is there."""
        return self.a if self.a is not None else str(self.b)

    @property
    def moved(self) -> float:
        """How far it is from the other one, as a part of its size; infinite where that cannot be said."""
        if self.state == "equal":
            return 0.0
        return math.inf if self.distance is None or math.isnan(self.distance.moved) else self.distance.moved

    def to_json(self) -> dict[str, Any]:
        """Plain data: type and shape of both are one text each."""
        keys = ("largest", "relative", "moved", "cosine")
        return {
            **{key: getattr(self, key) for key in ("a", "b", "module", "state", "size")},
            "form": {"a": self.forms[0], "b": self.forms[1]},
            **{key: None if self.distance is None else getattr(self.distance, key) for key in keys},
        }


@dataclass(frozen=True, kw_only=True)
class ModuleMove:
    """How far the weights of one module are from each other, all of them as one vector."""

    module: str
    tensors: int
    differ: int
    moved: float
    largest: float


def compare_weights(a: Structure, b: Structure, together: Mapping[str, str]) -> tuple[Weight, ...]:
    """Every stored tensor of weights, those that moved most first; `together`: which belong to which by their use.

    Weights of a branch or the body of a loop are a part of the graph. Those that no node of both files uses belong
    together by their name. Raises ZooError for weights beside a file that cannot be read.
    """
    found = _pairs(a, b, together)
    order = {"only in A": 0, "only in B": 1, "other shape": 2, "other type": 3}
    return tuple(sorted(found, key=lambda each: (order.get(each.state, 4), -each.moved)))


def by_module(weights: tuple[Weight, ...]) -> tuple[ModuleMove, ...]:
    """Every module with weights that both files have, the one that moved most first."""
    groups: defaultdict[str, list[Weight]] = defaultdict(list)
    for weight in weights:
        if weight.distance is not None:
            groups[weight.module].append(weight)
    moves = []
    for module, held in groups.items():
        distances = [weight.distance for weight in held if weight.distance is not None]
        squared, whole = (math.fsum(getattr(d, key) for d in distances) for key in ("squared", "squared_a"))
        moves.append(
            ModuleMove(
                module=module,
                tensors=len(held),
                differ=sum(weight.state != "equal" for weight in held),
                moved=ratio(math.sqrt(squared), math.sqrt(whole)) if math.isfinite(squared) else math.inf,
                largest=max(d.largest for d in distances),
            )
        )
    return tuple(sorted(moves, key=lambda move: -move.moved))


def _pairs(a: Structure, b: Structure, together: Mapping[str, str]) -> Iterator[Weight]:
    modules = [_modules(graph) for graph in (a, b)]
    partners = set(together.values())
    for name, tensor in a.stored.items():
        if is_operand(tensor):
            continue
        other = together.get(name, name if name not in partners else None)
        there = None if other is None else b.stored.get(other)
        yield _weight(a, b, name, other, tensor, there, module=modules[0].get(name, ""))
    known = {together.get(name, name) for name, tensor in a.stored.items() if not is_operand(tensor)}
    for name, tensor in b.stored.items():
        if not is_operand(tensor) and name not in known:
            yield _weight(a, b, None, name, None, tensor, module=modules[1].get(name, ""))


def _modules(graph: Structure) -> dict[str, str]:
    """The module of each stored tensor: its name without its last part, or else that of the node that uses it."""
    found: dict[str, str] = {}
    for node, taken in zip(graph.steps, graph.taken, strict=True):
        for name in taken:
            if name in graph.stored:
                found.setdefault(name, module_of(node))
    return {name: name.rpartition(".")[0] or found.get(name, "") or name for name in graph.stored}


def _weight(
    a: Structure, b: Structure, name: str | None, other: str | None, mine: Any, theirs: Any, *, module: str
) -> Weight:
    forms = (_form(mine), _form(theirs))
    one = mine if mine is not None else theirs
    told = {"module": module, "forms": forms, "size": math.prod(one.shape)}
    if theirs is None:
        return Weight(a=name, b=None, state="only in A", **told)
    if mine is None:
        return Weight(a=None, b=other, state="only in B", **told)
    state, apart = _state(a.file, mine, b.file, theirs)
    return Weight(a=name, b=other, state=state, distance=apart, **told)


def _form(tensor: Any) -> str:
    if tensor is None:
        return ""
    dtype = tensor.dtype if hasattr(tensor, "dtype") else f"sparse {tensor.values.dtype}"
    return f"{dtype} {list(tensor.shape)}"


def _state(first: OnnxFile, mine: Any, second: OnnxFile, theirs: Any) -> tuple[str, Distance | None]:
    if tuple(mine.shape) != tuple(theirs.shape):
        return "other shape", None
    if hasattr(mine, "indices") or hasattr(theirs, "indices"):
        parts = [getattr(each, "indices", None) is not None for each in (mine, theirs)]
        alike = all(parts) and all(
            digest_of(first, getattr(mine, part)) == digest_of(second, getattr(theirs, part))
            for part in ("values", "indices")
        )
        return ("equal" if alike else "other values"), None
    if mine.dtype != theirs.dtype:
        return "other type", None
    if not has_distance(mine):
        return ("equal" if digest_of(first, mine) == digest_of(second, theirs) else "other values"), None
    equal = digest_of(first, mine) == digest_of(second, theirs)
    return "equal" if equal else "other values", distance(values_of(first, mine), values_of(second, theirs))
