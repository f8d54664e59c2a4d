"""Legends of pictures: whole, in the picture, and over no line; whatever somebody's own settings of matplotlib are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from PIL import Image

from zoo_core.training import load_run
from zoo_plugins.plot.curves import curves_of
from zoo_plugins.plot.drawing import draw_curves
from zoo_plugins.plot.figures import new_figure
from zoo_plugins.plot.tiles import name_classes


def write_run(folder: Path, *, epochs: int, legs: int = 1) -> Path:
    """A run whose curves fill their axes from corner to corner."""
    run = folder / "runs" / "drawn"
    run.mkdir(parents=True)
    text = dict.fromkeys(
        ("name", "model", "model_plugin", "trainer", "trainer_plugin", "dataset", "dataset_plugin", "device"), "drawn"
    )
    began = [{"after": 2 * leg, "why": "resumed", "epochs": epochs} for leg in range(legs)]
    record = {"schema": 1, **text, "dataset_fingerprint": "0", "options": {}, "dataset_options": {}, "config": {}}
    record |= {"classes": [], "epochs": epochs, "seed": 0, "best_epoch": 2, "legs": began}
    run.joinpath("run.json").write_text(json.dumps(record))
    rng = np.random.default_rng(0)
    rows = [
        {
            "epoch": epoch,
            "train": {"loss": rng.random(), "accuracy": rng.random()},
            "validation": {"loss": rng.random(), "accuracy": rng.random()},
            "learning_rate": 0.1,
            "seconds": 1.0,
        }
        for epoch in range(1, epochs + 1)
    ]
    run.joinpath("metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return run


def box_of(figure: Any, drawn: Any) -> Any:
    figure.canvas.draw()
    return drawn.get_window_extent(figure.canvas.get_renderer())


@pytest.mark.parametrize(("epochs", "legs"), [(1, 1), (40, 1), (40, 7)])
def test_the_legend_of_curves_lies_below_them_and_inside_the_picture(epochs: int, legs: int, tmp_path: Path) -> None:
    figure = curves_of(load_run(write_run(tmp_path, epochs=epochs, legs=legs)))
    for axes in figure.axes:
        legend, inner = box_of(figure, axes.get_legend()), box_of(figure, axes)
        assert legend.y1 <= inner.y0
        assert legend.y0 >= 0
        assert inner.height > 200  # the curves have not lost their room to it
        assert figure.bbox.x0 <= legend.x0 < legend.x1 <= figure.bbox.x1


@pytest.mark.parametrize("longest", [4, 20, 45, 300])
@pytest.mark.parametrize("count", [2, 9, 40])
def test_the_names_of_classes_are_not_cut_off(longest: int, count: int) -> None:
    figure = new_figure(width=11, height=8)
    figure.subplots()
    name_classes(figure, range(count), [f"{number} {'W' * longest}"[:longest] for number in range(count)])
    (legend,) = figure.legends
    box = box_of(figure, legend)
    assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1


def test_a_dark_style_of_the_user_does_not_swallow_the_words(tmp_path: Path) -> None:
    path = write_run(tmp_path, epochs=3)
    plain = draw_curves(load_run(path)).read_bytes()
    with matplotlib.rc_context({"figure.facecolor": "black", "axes.facecolor": "black", "savefig.dpi": 30}):
        drawn = draw_curves(load_run(path))
        assert matplotlib.rcParams["figure.facecolor"] == "black"
    assert drawn.read_bytes() == plain
    with Image.open(drawn) as picture:
        assert picture.convert("RGB").getpixel((2, 2)) == (255, 255, 255)
