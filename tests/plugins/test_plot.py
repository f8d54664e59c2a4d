"""`zoo plot`: curves of a run as a PNG file, and what is said of a command that is mistyped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zoo_core.installation import install_command
from zoo_core.training import load_run
from zoo_plugins.plot.curves import curves_of

Zoo = Callable[..., Any]


def write_run(folder: Path, *, epochs: int = 6, best: int | None = 4, metric: str = "accuracy") -> Path:
    """A run as it is on the disk, as far as drawing needs it."""
    path = folder / "runs" / "drawn"
    path.mkdir(parents=True)
    record = {
        "schema": 1,
        **dict.fromkeys(("name", "model", "model_plugin", "trainer", "trainer_plugin", "device"), "lenet5"),
        "dataset": "digits",
        "dataset_plugin": "digits",
        "dataset_fingerprint": "0",
        "options": {},
        "dataset_options": {},
        "config": {},
        "classes": [],
        "epochs": max(epochs, 1),
        "seed": 0,
        "best_epoch": best,
        "selection": metric,
    }
    path.joinpath("run.json").write_text(json.dumps(record))
    rows = [
        {
            "epoch": epoch,
            "train": {"loss": 2 / epoch, "accuracy": 1 - 0.5 / epoch},
            "validation": {"loss": 2 / epoch + 0.1, "accuracy": 0.95 - 0.5 / epoch},
            "learning_rate": 0.1,
            "seconds": 1.0,
        }
        for epoch in range(1, epochs + 1)
    ]
    if rows:
        path.joinpath("metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def colors(path: Path) -> set[tuple[int, ...]]:
    pixels = np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3)
    return {tuple(color) for color in np.unique(pixels, axis=0).tolist()}


@pytest.mark.parametrize("epochs", [1, 2, 6, 300])
def test_curves_of_train_and_validation_are_drawn_with_the_best_epoch(
    run_zoo: Zoo, tmp_path: Path, epochs: int
) -> None:
    run = write_run(tmp_path, epochs=epochs, best=epochs)
    result = run_zoo("plot", "drawn", "--json")
    assert result.code == 0, result.stderr
    assert result.json == {"files": ["runs/drawn/plots/curves.png"], "remarks": []}
    path = run / "plots" / "curves.png"
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert picture.width > picture.height > 300
    # both lines are there, in their colours
    assert {(76, 114, 176), (221, 132, 82), (255, 255, 255)} <= colors(path)


@pytest.mark.parametrize("epochs", [1, 2, 6, 300])
def test_epochs_are_whole_numbers(tmp_path: Path, epochs: int) -> None:
    figure = curves_of(load_run(write_run(tmp_path, epochs=epochs, best=epochs)))
    for axes in figure.axes:
        low, high = axes.get_xlim()
        ticks = [tick for tick in axes.get_xticks() if low <= tick <= high]
        assert ticks
        assert all(tick == round(tick) for tick in ticks)


def test_the_same_epochs_give_the_same_file_and_people_get_its_path(run_zoo: Zoo, tmp_path: Path) -> None:
    run = write_run(tmp_path)
    first = run_zoo("plot", "runs/drawn")
    assert first.code == 0
    assert first.stdout.splitlines() == ["runs/drawn/plots/curves.png", "Next: zoo export drawn"]
    content = (run / "plots" / "curves.png").read_bytes()
    assert run_zoo("plot", "drawn", "--what", "curves").code == 0
    assert (run / "plots" / "curves.png").read_bytes() == content


def test_drawing_needs_no_torch(run_zoo: Zoo, site: Path, tmp_path: Path) -> None:
    write_run(tmp_path)
    (site / "torch").mkdir(parents=True)
    (site / "torch" / "__init__.py").write_text("raise ModuleNotFoundError('No module named torch', name='torch')")
    assert run_zoo("plot", "drawn").code == 0


def test_without_matplotlib_the_extra_is_named(run_zoo: Zoo, site: Path, tmp_path: Path) -> None:
    write_run(tmp_path)
    (site / "matplotlib").mkdir(parents=True)
    (site / "matplotlib" / "__init__.py").write_text("raise ModuleNotFoundError('x', name='matplotlib')")
    result = run_zoo("plot", "drawn")
    assert result.code == 1
    assert "Error: drawing needs the package 'matplotlib', which is not installed" in result.stderr
    assert f"Hint: {install_command('plot')}" in result.stderr


def test_a_run_without_an_epoch_cannot_be_drawn(run_zoo: Zoo, tmp_path: Path) -> None:
    write_run(tmp_path, epochs=0, best=None)
    result = run_zoo("plot", "drawn")
    assert result.code == 1
    assert "Error: run 'drawn' has no epoch to draw yet" in result.stderr


def test_curves_of_masks_show_the_loss_and_the_iou(run_zoo: Zoo, tmp_path: Path) -> None:
    run = write_run(tmp_path, metric="iou_mean")
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for row in rows:
        for part in ("train", "validation"):
            row[part] = {"loss": row[part]["loss"], "iou_mean": 0.5, "dice": 0.6, "pixel_accuracy": 0.9}
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    figure = curves_of(load_run(run))
    assert [axes.get_title() for axes in figure.axes] == ["loss", "mean IoU"]
    for axes in figure.axes:
        assert [text.get_text().partition(",")[0] for text in axes.get_legend().get_texts()] == [
            "train",
            "validation",
            "best: epoch 4",
        ]


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("drawm",), "unknown run or export or dataset 'drawm'", "drawn"),
        (("drawn", "--what", "curve"), "there are no pictures called 'curve'", "curves"),
        (("digits", "--what", "sample"), "there are no pictures called 'sample'", "samples"),
        (("digits", "--what", "confusion"), "a dataset has no picture 'confusion'", "it has: samples"),
        ((), "Missing argument 'RUN...|EXPORT|DATASET'", "zoo plot --help"),
        (("drawn", "--layer", "conv1"), "--layer is not for curves", "it is for activations, filters"),
        (("drawn", "--split", "test"), "--split is not for curves", "predictions"),
        (("digits", "--input", "a.png"), "--input is not for samples", "it is for activations"),
        (("digits", "--dataset", "mnist"), "--dataset is for runs and exports, and digits is a dataset", "leave it"),
        (("drawn", "--what", "activations"), "activations need a picture or a sequence", "--input FILE"),
        (("digits", "--out", "a.jpg"), "--out a.jpg: pictures are written as .png", "a folder"),
        (("digits", "--split", "tset"), "dataset digits has no split 'tset'", "test"),
        (("digits", "-d", "sise=3"), "sise", "size"),
    ],
)
def test_what_is_mistyped_is_said(
    zoo_here: Zoo, tmp_path: Path, arguments: tuple[str, ...], message: str, hint: str
) -> None:
    write_run(tmp_path)
    result = zoo_here("plot", *arguments)
    assert result.code == 2
    assert message in result.stderr
    assert hint in result.stderr
    assert not (tmp_path / "runs" / "drawn" / "plots").exists()
    assert not (tmp_path / "plots").exists()


ABSENT = """
import importlib.machinery

found = importlib.machinery.PathFinder.find_spec


def find_spec(name, path=None, target=None):
    return None if name.partition(".")[0] == "matplotlib" else found(name, path, target)


importlib.machinery.PathFinder.find_spec = staticmethod(find_spec)
"""


def test_a_training_draws_its_curves_and_shows_them_on_the_card(workplace: Path) -> None:
    run = workplace / "runs" / "lenet5-digits"
    assert (run / "plots" / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert "![curves](plots/curves.png)" in (run / "README.md").read_text()


def test_without_matplotlib_a_training_ends_well_and_its_card_has_no_picture(
    run_zoo: Zoo, site: Path, tmp_path: Path
) -> None:
    site.mkdir()
    (site / "sitecustomize.py").write_text(ABSENT)
    done = run_zoo("train", "lenet5", "--dataset", "digits", "--epochs", "1", "-d", "train_size=100", "--run", "plain")
    assert (done.code, "Warning" in done.stderr) == (0, False), done.stderr
    run = tmp_path / "runs" / "plain"
    assert not (run / "plots").exists()
    card = (run / "README.md").read_text()
    assert "![" not in card
    assert "zoo plot plain" in card


def test_the_next_step_of_an_export_elsewhere_is_its_path(workplace: Path, zoo_here: Any, tmp_path: Path) -> None:
    shutil.copytree(workplace / "exported" / "lenet5-digits", tmp_path / "theirs" / "reader")
    done = zoo_here("plot", tmp_path / "theirs" / "reader", "--what", "filters")
    assert done.code == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"Next: zoo verify {tmp_path / 'theirs' / 'reader'}"
