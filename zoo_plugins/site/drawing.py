"""The graph as SVG, drawn when the site is made: modules as frames, the error of a box as its colour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from zoo_core.commands import counted, terminal_line

from . import numbers
from .exhibits import Exhibit
from .graph import Box, Boxes, boxes_of
from .layout import BOX_HEIGHT, BOX_WIDTH, Layout, laid_out

_HEAT = (1.0, 2.0, 8.0)
"""Floors up to which a box has the first, second and third colour."""
_LETTERS = 23
_FRAME = 8.0


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A graph as SVG, with words about it."""

    drawing: Markup
    told: str
    nodes: int
    operators: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: how many nodes, and of which kinds."""
        return {"nodes": self.nodes, "operators": self.operators}


def draw_graph(exhibit: Exhibit) -> Drawn:
    """The drawing of the main graph of the file."""
    found = boxes_of(exhibit)
    layout = laid_out(len(found.boxes), found.arrows)
    operators = Counter(node.op_type for node in exhibit.file.nodes)
    most = ", ".join(f"{count} {terminal_line(name)}" for name, count in _in_order(operators)[:6])
    more = ", ..." if len(operators) > 6 else ""
    told = f"{counted(len(exhibit.file.nodes), 'node')}: {most}{more}."
    if found.folded:
        told += " Neighbours of one module are one box."
    if any(box.floors is not None for box in found.boxes):
        told += (
            " The colour of a box is its largest error, in multiples of PyTorch's own rounding noise: from green, up"
        )
        told += f" to {_HEAT[0]:g}, to red, above {_HEAT[2]:g}."
    return Drawn(
        drawing=_svg(found, layout), told=told, nodes=len(exhibit.file.nodes), operators=dict(_in_order(operators))
    )


def _in_order(operators: Counter[str]) -> list[tuple[str, int]]:
    return sorted(operators.items(), key=lambda each: (-each[1], each[0]))


def _svg(found: Boxes, layout: Layout) -> Markup:
    head = Markup(
        '<svg class="drawn" width="{0}" height="{1}" viewBox="0 0 {0} {1}" role="img" aria-label="The graph, drawn">'
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path class="arrow" d="M0,0 L8,4 L0,8 Z"/></marker></defs>'
    ).format(layout.width, layout.height)
    arrows = [Markup('<path class="edge" d="{}" marker-end="url(#arrow)"/>').format(path) for path in layout.paths]
    boxes = [_box(box, place) for box, place in zip(found.boxes, layout.places, strict=True)]
    return Markup("\n").join([head, *_frames(found, layout), *arrows, *boxes, Markup("</svg>")])


def _box(box: Box, place: tuple[float, float]) -> Markup:
    left, top = place
    kind = "outer" if box.is_outer else "node" if box.floors is None else f"node heat-{_heat(box.floors)}"
    told = ", ".join(filter(None, (box.title, box.below, box.told, _error(box.floors))))
    lines = [
        Markup('<text class="op" x="{}" y="{}" text-anchor="middle">{}</text>').format(
            *_middle(left, top, 17), _cut(box.title)
        )
    ]
    if box.below:
        lines.append(
            Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
                *_middle(left, top, 33), _cut_front(box.below)
            )
        )
    else:
        lines = [
            Markup('<text class="op" x="{}" y="{}" text-anchor="middle">{}</text>').format(
                *_middle(left, top, 25), _cut(box.title)
            )
        ]
    rect = Markup('<rect x="{}" y="{}" width="{}" height="{}" rx="6"/>').format(left, top, BOX_WIDTH, BOX_HEIGHT)
    return Markup('<g class="{}"><title>{}</title>{}{}</g>').format(
        kind, terminal_line(told), rect, Markup().join(lines)
    )


def _middle(left: float, top: float, down: float) -> tuple[float, float]:
    return round(left + BOX_WIDTH / 2, 1), round(top + down, 1)


def _heat(floors: float) -> int:
    return sum(floors > limit for limit in _HEAT)


def _error(floors: float | None) -> str:
    return "" if floors is None else f"error {numbers.short(floors)} floors"


def _cut(text: str) -> str:
    line = terminal_line(text)
    return line if len(line) <= _LETTERS else f"{line[: _LETTERS - 1]}…"


def _cut_front(text: str) -> str:
    """The end of a module's path says more than its beginning."""
    line = terminal_line(text)
    return line if len(line) <= _LETTERS + 3 else f"…{line[-_LETTERS - 2 :]}"


def _frames(found: Boxes, layout: Layout) -> Iterator[Markup]:
    """A frame around each stretch of layers whose boxes are all of one module, of its first order."""
    owners: dict[int, set[str]] = {}
    for box, layer in zip(found.boxes, layout.layers, strict=True):
        owners.setdefault(layer, set()).add(box.module.partition(".")[0] if not box.is_outer else "")
    alone = {layer: next(iter(names)) for layer, names in owners.items() if len(names) == 1}
    start = 0
    last = max(owners, default=-1)
    while start <= last:
        end = start
        while end < last and alone.get(end + 1) == alone.get(start):
            end += 1
        if alone.get(start) and end > start:
            yield _frame(alone[start], [n for n, layer in enumerate(layout.layers) if start <= layer <= end], layout)
        start = end + 1


def _frame(name: str, inside: list[int], layout: Layout) -> Markup:
    left = min(layout.places[each][0] for each in inside) - _FRAME
    top = min(layout.places[each][1] for each in inside) - _FRAME
    right = max(layout.places[each][0] for each in inside) + BOX_WIDTH + _FRAME
    bottom = max(layout.places[each][1] for each in inside) + BOX_HEIGHT + _FRAME
    return Markup('<rect class="group" x="{}" y="{}" width="{}" height="{}" rx="8"><title>{}</title></rect>').format(
        *(round(each, 1) for each in (left, top, right - left, bottom - top)), terminal_line(name)
    )
