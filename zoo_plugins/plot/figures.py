"""Figures: made without a display, with cells, and written as PNG."""

from __future__ import annotations

import contextlib
import io
import math
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core import MissingExtraError, ZooError
from zoo_core.commands import warn, write_atomic

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WRONG, QUIET = "#c0392b", "#777777"
"""The colours of a wrong answer, and of what is less important."""

_LETTERS = 11
"""Letters of a title in each inch, if they are wide ones."""

DOTS = 120
"""Pixels for each inch of a figure."""

_MOST_PIXELS = 60_000
"""Height of a picture that matplotlib still draws."""

USUAL_FONT = "DejaVu Sans"
OTHER_FONTS = (
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Noto Sans CJK KR",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Droid Sans Fallback",
    "PingFang SC",
    "Hiragino Sans",
    "Apple SD Gothic Neo",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "Arial Unicode MS",
    "Unifont",
)
"""Where letters are looked for that the usual font, which comes with matplotlib, lacks: those that are installed."""


def need_matplotlib() -> None:
    """Raise MissingExtraError unless figures can be drawn: said before anything is read or computed."""
    new_figure(width=1, height=1)


def new_figure(*, width: float, height: float) -> Figure:
    """An empty figure, in inches. Raises MissingExtraError without matplotlib, ZooError for one that is too tall."""
    if height * DOTS > _MOST_PIXELS:
        raise ZooError(f"a picture {height * DOTS:,.0f} pixels high cannot be drawn", hint="fewer samples: --count N")
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError(needed_for="drawing", extra="plot", missing="matplotlib") from None
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def grid(figure: Figure, count: int, *, columns: int) -> list[Axes]:
    """`count` cells, row by row, without ticks; what is left of the last row stays empty."""
    return cells_at(figure, range(count), columns=columns)


def cells_at(figure: Figure, places: Sequence[int], *, columns: int) -> list[Axes]:
    """Cells without ticks at these places, which are counted row by row; all others stay empty."""
    rows = math.ceil((max(places) + 1) / columns)
    cells: list[Axes] = list(figure.subplots(rows, columns, squeeze=False).flat)
    for empty in set(range(len(cells))) - set(places):
        cells[empty].remove()
    for place in places:
        bare(cells[place])
    return [cells[place] for place in places]


def bare(axes: Axes, *, frame: str = "#bbbbbb") -> None:
    """No ticks, and a thin frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_edgecolor(frame)


def frame(axes: Axes, color: str) -> None:
    """A frame that is seen."""
    for spine in axes.spines.values():
        spine.set_edgecolor(color)
        spine.set_linewidth(2.5)


def heading(figure: Figure, title: str, note: str = "") -> None:
    """What is shown, and below it how it is to be read, in as many lines as the figure is wide for.

    A title that does not fit is broken at its first colon.
    """
    width = int(figure.get_figwidth() * _LETTERS)
    parts = title.split(": ", 1) if len(title) > width else [title]
    lines = [line for text in (*parts, *note.splitlines()) for line in textwrap.wrap(text, width)]
    figure.suptitle("\n".join(lines), fontsize=11)


def color_bar(figure: Figure, drawn: Any, axes: Any, label: str) -> None:
    """The scale of colours that all of these cells share."""
    bar = figure.colorbar(drawn, ax=axes, shrink=0.7, aspect=30, pad=0.015)
    bar.set_label(label, fontsize=9)
    bar.ax.tick_params(labelsize=8)


def legend_within(owner: Axes | Figure, handles: Sequence[Any], *, inches: float, **place: Any) -> None:
    """A legend at a place, in as many columns as fit into so many inches; at most eight."""
    for columns in range(min(len(handles), 8), 0, -1):
        legend = owner.legend(handles=handles, ncols=columns, frameon=False, fontsize=9, **place)
        if columns == 1 or legend.get_window_extent().width <= inches * legend.figure.dpi:
            return
        legend.remove()


def short(text: str, most: int = 18) -> str:
    """A name that fits over a cell."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def short_path(path: str, most: int = 22) -> str:
    """The end of a path that fits below a cell: the name, and its folder where there is room for it."""
    readable = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in path)
    name = "/".join(readable.replace("\\", "/").split("/")[-2:])
    return name if len(name) <= most else f"…{name[1 - most :]}"


def short_names(labels: Sequence[str], most: int = 18) -> tuple[str, ...]:
    """Names that fit over a cell, with the number of the class before each where two would read alike."""
    names = [short(label, most) for label in labels]
    if len(set(names)) < len(names):
        names = [short(f"{number}: {label}", most) for number, label in enumerate(labels)]
    return tuple(names)


def save(figure: Figure, path: Path) -> Path:
    """Write the figure; the file. The same content gives the same bytes."""
    content = io.BytesIO()
    with warnings.catch_warnings(record=True) as told:
        warnings.filterwarnings("always", message="Glyph .* missing from font")
        # Without the Software entry the same rows give the same bytes, whatever version drew them.
        figure.savefig(content, format="png", dpi=DOTS, metadata={"Software": None})
    if told:
        lacking = "shows boxes for characters that no installed font has"
        warn(f"{path.name} {lacking}; install a font that has them, such as Noto")
    write_atomic(path, content.getvalue())
    return path


@contextlib.contextmanager
def names_as_they_are() -> Iterator[None]:
    """Draw and save in it: a `$` in a name is a `$`, and letters that the usual font lacks are taken from others.

    What somebody's own matplotlibrc says is left aside: on a dark ground that it asks for, dark words were not seen.
    """
    import matplotlib
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    others = [name for name in OTHER_FONTS if name in installed]
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({"text.parse_math": False, "font.sans-serif": [USUAL_FONT, *others]})
        yield
