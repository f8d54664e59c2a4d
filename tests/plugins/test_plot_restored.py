"""Pictures of samples that have a true picture: beside the input, the answer and the difference; and their table."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from test_plot_kinds import check_picture

from zoo_core import Preprocess
from zoo_core.data import Samples
from zoo_core.tasks import get_task
from zoo_core.workflows.answers.predictor import Batches, Part, Predictor
from zoo_plugins.plot.answers import draw_errors, draw_predictions
from zoo_plugins.plot.figures import save
from zoo_plugins.plot.restored import brightness
from zoo_plugins.plot.samples import draw_samples

RECIPE = Preprocess(color="L")


def restored(count: int = 9, *, factor: int = 1) -> tuple[Predictor, Part]:
    """Squares, and a predictor whose answer for sample k is off by k / 20."""
    truth = np.zeros((count, 1, 8 * factor, 8 * factor), np.uint8)
    truth[:, :, : 4 * factor, : 4 * factor] = 102
    samples = Samples(
        inputs={
            "image": np.full((count, 1, 8, 8), 51, np.uint8) + np.arange(count, dtype=np.uint8).reshape(-1, 1, 1, 1)
        },
        targets=truth,
        form="pictures",
        classes=(),
        recipes={"image": RECIPE},
        fingerprint="",
        files=tuple(f"folder/{number}.png" for number in range(count)),
    )

    def batches(asked: Samples) -> Batches:
        for start in range(0, len(asked), 4):
            part = slice(start, start + 4)
            off = (asked.main[part, :, :1, :1].astype(np.float32) - 51) / 20
            yield slice(start, min(start + 4, len(asked))), {"picture": (asked.targets[part] / 255 + off).astype("f4")}

    predictor = Predictor(
        shown="run 'r'",
        task=get_task("image-to-image"),
        labels=(),
        preprocess=RECIPE,
        recipes={},
        inputs={},
        dataset=None,
        options={},
        batches=batches,
    )
    return predictor, Part(dataset="squares", split="test", samples=samples, labels=())


@pytest.mark.parametrize("factor", [1, 2])
def test_the_worst_pictures_come_first_and_are_told_in_a_table(factor: int, tmp_path: Path) -> None:
    predictor, part = restored(factor=factor)
    figure, table = draw_errors(predictor, part, title="run r on squares", count=3)
    labels = [axes.get_ylabel() for axes in figure.axes if "PSNR" in axes.get_ylabel()]
    assert labels == [f"folder/{number}.png\nPSNR {-20 * np.log10(number / 20):.2f}" for number in (8, 7, 6)]
    assert "the 3 lowest PSNR of 9 samples" in figure.get_suptitle()
    mean = np.mean([100, *(-20 * np.log10(number / 20) for number in range(1, 9))])
    assert f"PSNR {mean:.4f}" in figure.get_suptitle().replace("\N{NO-BREAK SPACE}", " ")
    rows = list(csv.DictReader(table.splitlines()))
    assert [row["sample"] for row in rows] == ["8", "7", "6", "5", "4", "3", "2", "1", "0"]
    assert float(rows[0]["squared_error"]) == pytest.approx(0.16, rel=1e-5)
    assert rows[0]["path"] == "folder/8.png"
    check_picture(save(figure, tmp_path / "errors.png"))


def test_samples_lie_beside_what_is_true(tmp_path: Path) -> None:
    predictor, part = restored()
    figure = draw_samples(part.samples, labels=(), title="squares, split train", count=5)
    pictures = [np.asarray(axes.images[0].get_array()) for axes in figure.axes]
    assert len(pictures) == 10
    np.testing.assert_array_equal(pictures[1], np.repeat(part.samples.targets[0, 0][:, :, None], 3, axis=2))
    assert (pictures[0] == 51).all()
    check_picture(save(figure, tmp_path / "samples.png"))
    drawn = draw_predictions(predictor, part, title="run r on squares", count=2)
    assert "2 of 9 samples" in drawn.get_suptitle()
    assert [axes.get_title() for axes in drawn.axes[:4]] == ["input", "truth", "prediction", "difference"]


def test_brightness_is_cut_and_colours_stay() -> None:
    assert brightness(np.array([[[-0.5, 0.5, 2.0]]])).tolist() == [[[0, 0, 0], [128, 128, 128], [255, 255, 255]]]
    color = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    np.testing.assert_array_equal(brightness(color), color.transpose(1, 2, 0))
