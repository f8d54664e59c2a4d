"""Two exports compared in everything, and what follows: one verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from zoo_core.runtime import Isolated

from .behaviour import Behaviour, compare_behaviour
from .graphs import GraphDifference, compare_graphs
from .sides import Side
from .structure import Structure
from .weights import Weight, by_module, compare_weights
from .words import FieldDifference, compare_fields, compare_signatures

SCHEMA = 1

Verdict = Literal["identical", "words", "meaning", "weights", "graph"]
"""What differs first of all: nothing, what is only told, what goes in and comes out, the weights, or the graph."""

IN_WORDS: dict[Verdict, str] = {
    "identical": "Equal, byte for byte",
    "words": "Equal but for words",
    "meaning": "Same graph and weights, another meaning",
    "weights": "Same graph, other weights",
    "graph": "Different graph",
}


@dataclass(frozen=True, kw_only=True)
class FileDifference:
    """A file of either folder: the sha256 in A and in B, None where it is not."""

    file: str
    a: str | None
    b: str | None

    @property
    def is_equal(self) -> bool:
        """Whether both have the same bytes."""
        return self.a == self.b


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What two exports have in common, and what not. Of files that are equal byte for byte the rest was not looked
    at."""

    a: Side
    b: Side
    files: tuple[FileDifference, ...]
    signature: tuple[FieldDifference, ...] = ()
    meaning: tuple[FieldDifference, ...] = ()
    words: tuple[FieldDifference, ...] = ()
    graph: GraphDifference | None = None
    weights: tuple[Weight, ...] = ()
    behaviour: Behaviour | None = None

    @property
    def verdict(self) -> Verdict:
        """What differs first of all."""
        if self.graph is None:
            return "identical"
        if not self.graph.is_equal:
            return "graph"
        if any(weight.state != "equal" for weight in self.weights):
            return "weights"
        return "meaning" if self.signature or self.meaning else "words"

    @property
    def is_equal(self) -> bool:
        """Whether one can stand for the other: nothing but words differs."""
        return self.verdict in {"identical", "words"}

    def to_json(self) -> dict[str, Any]:
        """Plain JSON. What was not looked at, because the bytes are equal, is null."""
        looked = self.graph is not None
        data = {
            "schema": SCHEMA,
            "equal": self.is_equal,
            "verdict": self.verdict,
            "a": self.a.to_json(),
            "b": self.b.to_json(),
            "files": [{**vars(each), "equal": each.is_equal} for each in self.files],
            "signature": [vars(each) for each in self.signature] if looked else None,
            "meaning": [vars(each) for each in self.meaning] if looked else None,
            "words": [vars(each) for each in self.words] if looked else None,
            "graph": None if self.graph is None else self.graph.to_json(),
            "weights": [each.to_json() for each in self.weights] if looked else None,
            "modules": [vars(each) for each in by_module(self.weights)] if looked else None,
            "behaviour": None if self.behaviour is None else self.behaviour.to_json(),
        }
        return {key: _plain(value) for key, value in data.items()}


def compare(a: Side, b: Side, *, isolated: Isolated) -> Comparison:
    """Everything in which two exports may differ; cheap for equal bytes. Both are run, as `isolated` says.

    Raises RefusedFileError for a file that is not safe to open, ZooError for one that cannot be read.
    """
    files = _compare_files(a, b)
    if a.model_digests == b.model_digests:
        return Comparison(a=a, b=b, files=files)
    signature = compare_signatures(a.file, b.file)
    meaning, words = compare_fields(a, b)
    by_name = all(
        {value.name for value in mine} == {value.name for value in theirs}
        for mine, theirs in ((a.file.inputs, b.file.inputs), (a.file.outputs, b.file.outputs))
    )
    structures = Structure(a.file, by_name=by_name), Structure(b.file, by_name=by_name)
    graph = compare_graphs(*structures)
    weights = compare_weights(*structures, graph.stored)
    return Comparison(
        a=a,
        b=b,
        files=files,
        signature=signature,
        meaning=meaning,
        words=(*words, *_names(graph, weights)),
        graph=graph,
        weights=weights,
        behaviour=compare_behaviour(a, b, isolated=isolated),
    )


def _plain(value: Any) -> Any:
    """The same with null for numbers that JSON does not have: infinite ones, and what is none."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _compare_files(a: Side, b: Side) -> tuple[FileDifference, ...]:
    """The files of both folders; of a bare file only the model, and the weights beside it."""
    whole = a.path.is_dir() and b.path.is_dir()
    mine, theirs = ((side.digests if whole else side.model_digests) for side in (a, b))
    return tuple(
        FileDifference(file=name, a=mine.get(name), b=theirs.get(name)) for name in dict.fromkeys([*mine, *theirs])
    )


def _names(graph: GraphDifference, weights: tuple[Weight, ...]) -> tuple[FieldDifference, ...]:
    renamed = [weight for weight in weights if weight.a is not None and weight.b is not None and weight.a != weight.b]
    found = [FieldDifference(field=f"the name of weights {each.a}", a=each.a, b=each.b) for each in renamed]
    if graph.renamed:
        found.append(FieldDifference(field="names of nodes", a=None, b=f"{graph.renamed} have other names"))
    return tuple(found)
