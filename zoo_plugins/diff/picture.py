"""A picture of two exports: how far each module's weights have moved, and the answers of B against those of A."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core.commands import counted, empty_figure, end_of, write_figure

from .behaviour import OutputDifference
from .comparison import IN_WORDS, Comparison
from .shown import cut
from .tables import number
from .weights import ModuleMove, by_module

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_BARS = 30
_MOST_OUTPUTS = 3
_MOVED, _OUTPUT, _QUIET = "#2c6fad", "#c0562b", "#777777"


def draw_comparison(found: Comparison, path: Path) -> Path:
    """Draw what differs; the file. The same comparison gives the same bytes."""
    return write_figure(lambda: _figure(found), path)


def _figure(found: Comparison) -> Figure:
    modules = by_module(found.weights)
    moves = [move for move in modules if move.differ][:_MOST_BARS]
    outputs = found.behaviour.outputs[:_MOST_OUTPUTS] if found.behaviour is not None else ()
    height = max(4.2, 1.6 + 0.26 * len(moves))
    figure = empty_figure(5.6 + 4.2 * max(1, len(outputs)), height)
    names = "     ".join(f"{name}: {end_of(side.typed)}" for name, side in (("A", found.a), ("B", found.b)))
    figure.suptitle(f"{IN_WORDS[found.verdict]}\n{names}", fontsize=11)
    cells = figure.subplots(1, 1 + max(1, len(outputs)), squeeze=False)[0]
    _draw_moves(cells[0], moves, len(modules))
    for cell, output in zip(cells[1:], outputs, strict=False):
        _draw_output(cell, output)
    if not outputs:
        why = found.behaviour.why_not if found.behaviour is not None else ""
        _say(cells[1], "answers", f"not compared: {why}")
    return figure


def _draw_moves(axes: Axes, moves: Sequence[ModuleMove], count: int) -> None:
    title = "weights moved: |B - A| / |A|"
    if not moves:
        equal = f"all weights of {counted(count, 'module')} are equal, bit for bit"
        _say(axes, title, equal if count else "the files have no weights of one shape in common")
        return
    finite = [move.moved if math.isfinite(move.moved) else 0.0 for move in moves]
    axes.barh(range(len(moves)), finite, color=_MOVED, height=0.7)
    axes.set_yticks(range(len(moves)), [cut(move.module, 28) for move in moves], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, (max(finite) or 1.0) * 1.18)
    for place, (move, length) in enumerate(zip(moves, finite, strict=True)):
        axes.annotate(number(move.moved), (length, place), (3, 0), textcoords="offset points", va="center", fontsize=8)
    some = f"\nthe {len(moves)} that moved most, of {counted(count, 'module')}" if count > len(moves) else ""
    axes.set_title(title + some, fontsize=10)
    _plain(axes)


def _draw_output(axes: Axes, output: OutputDifference) -> None:
    title = f"answers: {cut(output.name, 28)}"
    if output.drawn is None:
        _say(axes, title, f"other shapes: {output.shapes}")
        return
    mine, theirs = output.drawn
    values = [value for array in (mine, theirs) for value in array.tolist() if math.isfinite(value)]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    edge = 0.05 * (high - low) or 0.5
    axes.plot([low - edge, high + edge], [low - edge, high + edge], color=_QUIET, linewidth=0.8, linestyle="--")
    axes.scatter(mine, theirs, s=14, color=_OUTPUT, alpha=0.6, linewidths=0)
    axes.set_xlim(low - edge, high + edge)
    axes.set_ylim(low - edge, high + edge)
    axes.set_aspect("equal")
    axes.set_xlabel("value in A", fontsize=9)
    axes.set_ylabel("value in B", fontsize=9)
    bound = "" if output.bound is None else f"; A's own bound {number(output.bound)}"
    axes.set_title(f"{title}\nlargest difference {number(output.largest)}{bound}", fontsize=10)
    _plain(axes)


def _plain(axes: Axes) -> None:
    axes.tick_params(labelsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _say(axes: Axes, title: str, text: str) -> None:
    axes.set_title(title, fontsize=10)
    axes.set_axis_off()
    words: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 9, "color": _QUIET}
    axes.text(0.5, 0.5, "\n".join(textwrap.wrap(text, 42)), transform=axes.transAxes, **words)
