"""The picture of a search for a learning rate: the loss after a few steps, by the rate."""

from __future__ import annotations

import importlib.util
import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_core.errors import MissingExtraError, UsageError
from zoo_core.files import write_atomic

from .rates import STEPS, RateSearch

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DOTS = 120
_LINE, _CHOSEN, _FAILED = "#2c6fad", "#c0562b", "#777777"


def check_picture(path: Path) -> None:
    """Raise UsageError for a name that is no PNG, MissingExtraError without matplotlib: before anything is trained."""
    if path.suffix.lower() != ".png":
        raise UsageError(f"a picture is written as PNG, and {path} is called otherwise", hint="--find-lr rates.png")
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingExtraError(needed_for="zoo train --find-lr", extra="plot", missing="matplotlib")


def draw_rates(search: RateSearch, path: Path, *, title: str) -> None:
    """Write the picture as a PNG."""
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams["text.parse_math"] = False  # a `$` in a name is a `$`
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        content = io.BytesIO()
        _figure(search, title).savefig(content, format="png", dpi=_DOTS, metadata={"Software": None})
    write_atomic(path, content.getvalue())


def _figure(search: RateSearch, title: str) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    told = [(trial.rate, trial.loss) for trial in search.trials if trial.loss is not None]
    axes.plot([rate for rate, _ in told], [loss for _, loss in told], "o-", color=_LINE, markersize=4)
    start = told[0][1] if told else 1.0
    low = min((loss for _, loss in told), default=0.0)
    room = max(abs(start - low), 1e-6 * max(1.0, abs(start)))
    axes.set_ylim(low - 0.15 * room, start + 0.6 * room)  # what has run away would flatten all others
    if failed := [trial.rate for trial in search.trials if trial.loss is None]:
        axes.plot(failed, [start + 0.5 * room] * len(failed), "x", color=_FAILED, label="no number any more")
    if search.suggested is not None:
        axes.axvline(search.suggested, color=_CHOSEN, linewidth=1.2, label=f"suggested: {search.suggested:g}")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlabel("learning rate")
    axes.set_ylabel(f"loss after {STEPS} steps or one epoch")
    axes.set_title(title, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=9)
    return figure
