"""A small layered layout: every arrow leads down, what is joined stands below each other, nothing overlaps.

The layer of a box is one below the lowest box that leads to it. Within a layer boxes stand in the order of the mean
place of those that lead to them, and as near to it as their neighbours let them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

BOX_WIDTH, BOX_HEIGHT = 168.0, 40.0
_GAP_X, _GAP_Y = 20.0, 26.0
_MARGIN = 14.0
_ASIDE = 12.0
"""How far an arrow that passes boxes by keeps away from them."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Places of the boxes (left, top) in their order, the path of each arrow, and the size of it all."""

    places: tuple[tuple[float, float], ...]
    layers: tuple[int, ...]
    paths: tuple[str, ...]
    width: float
    height: float


def laid_out(count: int, arrows: Sequence[tuple[int, int]]) -> Layout:
    """Where `count` boxes and their arrows go; boxes are in topological order."""
    before: list[list[int]] = [[] for _ in range(count)]
    for start, end in arrows:
        before[end].append(start)
    layers: list[int] = []
    for place in range(count):
        layers.append(max((layers[each] + 1 for each in before[place]), default=0))
    lefts = _across(layers, before)
    shift = _MARGIN - min(lefts, default=0.0)
    places = [
        (round(left + shift, 1), round(_MARGIN + layer * (BOX_HEIGHT + _GAP_Y), 1))
        for left, layer in zip(lefts, layers, strict=True)
    ]
    routes = [_route(arrow, places, layers) for arrow in arrows]
    rightmost = max([left + BOX_WIDTH for left, _ in places] + [far for _, far in routes], default=0.0)
    return Layout(
        places=tuple(places),
        layers=tuple(layers),
        paths=tuple(path for path, _ in routes),
        width=round(rightmost + _MARGIN, 1),
        height=round(max((top for _, top in places), default=0.0) + BOX_HEIGHT + _MARGIN, 1),
    )


def _across(layers: Sequence[int], before: Sequence[Sequence[int]]) -> list[float]:
    lefts = [0.0] * len(layers)
    by_layer: dict[int, list[int]] = {}
    for place, layer in enumerate(layers):
        by_layer.setdefault(layer, []).append(place)
    for layer in sorted(by_layer):
        row = by_layer[layer]
        wanted = {each: _mean([lefts[one] for one in before[each]]) for each in row}
        row.sort(key=lambda each: (wanted[each], each))
        next_free = float("-inf")
        for each in row:
            lefts[each] = max(wanted[each], next_free)
            next_free = lefts[each] + BOX_WIDTH + _GAP_X
        off = _mean([lefts[each] - wanted[each] for each in row])
        for each in row:
            lefts[each] -= off
    return lefts


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _route(arrow: tuple[int, int], places: Sequence[tuple[float, float]], layers: Sequence[int]) -> tuple[str, float]:
    """The path of an arrow and how far to the right it goes: straight down to the next layer, else around the boxes of
    the layers between, which would hide it."""
    (x1, y1), (x2, y2) = (places[each] for each in arrow)
    x1, y1, x2 = x1 + BOX_WIDTH / 2, y1 + BOX_HEIGHT, x2 + BOX_WIDTH / 2
    between = [
        places[each][0] for each in range(arrow[0], arrow[1]) if layers[arrow[0]] < layers[each] < layers[arrow[1]]
    ]
    middle = (x1 + x2) / 2
    if not any(left - _ASIDE < middle < left + BOX_WIDTH + _ASIDE for left in between):
        bend = round((y2 - y1) / 2, 1)
        return f"M{x1},{y1} C{x1},{round(y1 + bend, 1)} {x2},{round(y2 - bend, 1)} {x2},{y2}", max(x1, x2)
    far = round(max(between) + BOX_WIDTH + _ASIDE, 1)
    turn = _GAP_Y * 0.8
    return (
        f"M{x1},{y1} C{x1},{round(y1 + turn, 1)} {far},{round(y1 + turn / 2, 1)} {far},{round(y1 + _GAP_Y + 4, 1)} "
        f"L{far},{round(y2 - _GAP_Y - 4, 1)} C{far},{round(y2 - turn / 2, 1)} {x2},{round(y2 - turn, 1)} {x2},{y2}"
    ), far
