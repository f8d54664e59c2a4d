"""Pictures that matplotlib draws: what is asked before anything is measured, and how a figure becomes a file."""

from __future__ import annotations

import importlib.util
import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_core.errors import MissingExtraError, UsageError
from zoo_core.files import write_atomic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DOTS = 120


def check_picture(path: Path, *, asked_by: str) -> None:
    """Raise UsageError for a name that is no PNG, MissingExtraError without matplotlib.

    `asked_by`: the command and its option, such as "zoo bench --picture".
    """
    if path.suffix.lower() != ".png":
        option = asked_by.rpartition(" ")[2]
        raise UsageError(
            f"a picture is written as PNG, and {path} is called otherwise",
            hint=f"{option} {path.stem or 'picture'}.png",
        )
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingExtraError(needed_for=asked_by, extra="plot", missing="matplotlib")


def empty_figure(width: float, height: float) -> Figure:
    """A figure of so many inches that is drawn into memory, whatever screens there are."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def write_figure(make: Callable[[], Figure], path: Path) -> Path:
    """Make a figure and write it as PNG; the file. The same content gives the same bytes.

    Somebody's own matplotlibrc is left aside, a `$` in a name is a `$`, and letters that no font has are boxes.
    """
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams["text.parse_math"] = False
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        content = io.BytesIO()
        # Without the Software entry the bytes do not depend on the version that drew them.
        make().savefig(content, format="png", dpi=_DOTS, metadata={"Software": None})
    write_atomic(path, content.getvalue())
    return path


def end_of(name: str, most: int = 40) -> str:
    """The end of a name that fits into a picture, in letters that can be printed."""
    readable = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)
    return readable if len(readable) <= most else f"…{readable[1 - most :]}"
