"""The graph of a file as boxes and arrows: one box a node, or one a stretch of nodes of one module where they are many.

Only neighbours in the file's own order are folded into a box. That order is a topological one, so that arrows between
boxes still lead forward.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zoo_core import ZooError
from zoo_core.commands import counted
from zoo_core.data import load_json, read_plain
from zoo_core.runtime import Node

from .exhibits import Exhibit
from .facts import number, rows_in, text

MOST_BOXES = 240
_MOST_FACTS = 1 << 26


@dataclass(frozen=True, kw_only=True)
class Box:
    """An input, an output, or nodes. `floors`: the largest error of its nodes in rounding floors, where known."""

    title: str
    below: str = ""
    module: str = ""
    floors: float | None = None
    nodes: int = 0
    is_outer: bool = False
    told: str = ""


@dataclass(frozen=True, kw_only=True)
class Boxes:
    """Boxes in topological order; arrows are (from, to), places in `boxes`, each once."""

    boxes: tuple[Box, ...]
    arrows: tuple[tuple[int, int], ...]
    folded: bool


def boxes_of(exhibit: Exhibit, *, most: int = MOST_BOXES) -> Boxes:
    """The inputs, then the nodes or stretches of them, then the outputs."""
    nodes = exhibit.file.nodes
    floors = _floors_by_node(exhibit)
    stretches = _stretches(nodes, most)
    inputs = [Box(title=value.name, below=_shape(value.dims), is_outer=True) for value in exhibit.file.inputs]
    outputs = [Box(title=value.name, below=_shape(value.dims), is_outer=True) for value in exhibit.file.outputs]
    inner = [_box(nodes[start:end], floors) for start, end in stretches]
    makers = {value.name: place for place, value in enumerate(exhibit.file.inputs)}
    arrows: set[tuple[int, int]] = set()
    for place, (start, end) in enumerate(stretches, len(inputs)):
        for node in nodes[start:end]:
            arrows |= {(makers[name], place) for name in _read(node) if makers.get(name, place) != place}
            makers |= dict.fromkeys(node.outputs, place)
    for place, value in enumerate(exhibit.file.outputs, len(inputs) + len(inner)):
        if value.name in makers:
            arrows.add((makers[value.name], place))
    ahead = sorted(arrow for arrow in arrows if arrow[0] < arrow[1])
    return Boxes(boxes=(*inputs, *inner, *outputs), arrows=tuple(ahead), folded=len(inner) < len(nodes))


def module_of(node: Node) -> str:
    """The dotted path of the module that a node came from; empty where the file does not say."""
    return dict(node.metadata).get("module", "")


def _read(node: Node) -> set[str]:
    """The values that a node reads, also those that only its branches and loop bodies read."""
    names = set(node.inputs)
    for graph in node.graphs():
        for inner in graph.nodes:
            names |= _read(inner)
    return names


def _box(nodes: Sequence[Node], floors: Mapping[str, float]) -> Box:
    modules = [module_of(node) for node in nodes]
    module = _common(modules)
    known = [floors[node.name] for node in nodes if node.name in floors]
    kinds = ", ".join(kind for kind, _ in Counter(node.op_type for node in nodes).most_common(4))
    return Box(
        title=kinds if len(nodes) == 1 else counted(len(nodes), "node"),
        below=module if len(nodes) == 1 or module else kinds,
        module=module,
        floors=max(known, default=None),
        nodes=len(nodes),
        told=nodes[0].name if len(nodes) == 1 else kinds,
    )


def _common(modules: Sequence[str]) -> str:
    """The longest dotted path that all have in common."""
    paths = [module.split(".") for module in modules]
    shared = next((n for n, parts in enumerate(zip(*paths, strict=False)) if len(set(parts)) > 1), min(map(len, paths)))
    return ".".join(paths[0][:shared])


def _stretches(nodes: Sequence[Node], most: int) -> list[tuple[int, int]]:
    """Where boxes begin and end: each node alone, or neighbours of one module, as deep as there is room for."""
    if len(nodes) <= most:
        return [(place, place + 1) for place in range(len(nodes))]
    paths = [module_of(node).split(".") for node in nodes]
    found: list[tuple[int, int]] = []
    for depth in range(max(map(len, paths)), 0, -1):
        starts = [n for n in range(len(nodes)) if n == 0 or paths[n][:depth] != paths[n - 1][:depth]]
        found = list(zip(starts, [*starts[1:], len(nodes)], strict=True))
        if len(found) <= most:
            return found
    share = math.ceil(len(found) / most)
    return [(found[n][0], found[min(n + share, len(found)) - 1][1]) for n in range(0, len(found), share)]


def _floors_by_node(exhibit: Exhibit) -> dict[str, float]:
    """The error of each node in rounding floors, as netron.json beside the file says it."""
    folder = exhibit.path
    if not folder.is_dir() or not (folder / "netron.json").is_file():
        return {}
    try:
        facts = load_json(read_plain(folder / "netron.json", most=_MOST_FACTS, within=folder))
    except (ZooError, ValueError):
        return {}
    found = {}
    for each in rows_in(facts if isinstance(facts, dict) else {}, "metrics"):
        if text(each, "name") == "error in floors" and (floors := _read_number(each.get("value"))) is not None:
            found[text(each, "target")] = floors
    return found


def _read_number(value: object) -> float | None:
    try:
        return number(float(value)) if isinstance(value, str) else number(value)
    except ValueError:
        return None


def _shape(dims: Sequence[object] | None) -> str:
    return "of any shape" if dims is None else f"({', '.join(str(dim or '?') for dim in dims)})"
