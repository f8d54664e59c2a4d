"""Pictures of samples that are no pictures, or have more than a class: texts, rows, sounds, flags, numbers, boxes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from own_data import own_data

from zoo_core import Recipe, open_zoo
from zoo_core.data import bind_dataset
from zoo_core.recipes import load_recipe
from zoo_plugins.plot.samples import draw_samples


def figure_of(name: str, split: str = "train", *, count: int | None = 6, **options: str):
    samples = bind_dataset(open_zoo().dataset(name), options).load(split)
    return draw_samples(samples, labels=samples.classes, title="it", count=count), samples


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    own_data(folder)
    return folder


def test_texts_are_written_into_their_cells(data: Path) -> None:
    figure, _ = figure_of("text-file", "test", root=str(data / "texts"), text="review", target="kind")
    assert figure.get_suptitle() == "it: 6 of 100 samples"
    assert [axes.get_title() for axes in figure.axes] == ["food"] * 3 + ["sport"] * 3
    lines = (data / "texts" / "test.csv").read_text().splitlines()[1:]
    written = [axes.texts[0].get_text().replace("\n", " ") for axes in figure.axes]
    assert set(written) <= {line.partition(",")[0] for line in lines}


def test_a_row_is_its_columns_as_they_were_read(data: Path) -> None:
    figure, _ = figure_of("table-file-regression", "test", root=str(data / "tables"), target="score")
    rows = [line.split(",") for line in (data / "tables" / "test.csv").read_text().splitlines()[1:]]
    known = {
        (f"{float(score):.4g}", f"age {float(age):.4g}\ncity {city or 'missing'}\nlabel {label}")
        for age, city, label, score in rows
    }
    assert {(axes.get_title(), axes.texts[0].get_text()) for axes in figure.axes} <= known


def test_of_a_sound_the_spectrogram_is_drawn_low_tones_at_the_bottom(data: Path) -> None:
    figure, samples = figure_of("audio-folder", "test", count=3, root=str(data / "sounds"))
    assert [axes.get_title() for axes in figure.axes] == ["high", "low", "mid"]
    drawn = [axes.images[0] for axes in figure.axes]
    assert {image.get_array().shape for image in drawn} == {samples.arrays(slice(0, 1))["spectrogram"].shape[2:]}
    assert all(image.origin == "lower" for image in drawn)
    loudest = [int(np.asarray(image.get_array()).mean(axis=1).argmax()) for image in drawn]
    assert loudest[1] < loudest[2] < loudest[0]


def test_a_waveform_is_a_line(data: Path) -> None:
    _, samples = figure_of("audio-folder", "test", count=3, root=str(data / "sounds"))
    plain = dataclasses.replace(samples, recipes={"spectrogram": load_recipe(Recipe("waveform"))})
    figure = draw_samples(plain, labels=samples.classes, title="it", count=3)
    assert all(axes.lines and not axes.images for axes in figure.axes)


def test_flags_numbers_and_boxes_stand_over_their_samples() -> None:
    figure, samples = figure_of("shape-scenes", count=4)
    index = int(len(samples) / 4)
    flags = [samples.classes[place] for place in np.flatnonzero(samples.targets[index])]
    assert figure.axes[1].get_title() == (", ".join(flags) or "none")
    figure, samples = figure_of("diabetes", count=4)
    assert figure.axes[0].get_title() == f"{samples.targets[0, 0]:.4g}"
    figure, samples = figure_of("digit-scenes", count=4)
    assert [len(axes.patches) for axes in figure.axes] == samples.targets.counts[[0, 300, 600, 900]].tolist()
    first = samples.targets[0:1]
    corner = figure.axes[0].patches[0].get_xy()
    assert corner == pytest.approx((first.boxes[0, 0] - 0.5, first.boxes[0, 1] - 0.5))
    assert figure.axes[0].get_title() == "sample 0: 2 boxes"
    named = {text.get_text() for text in figure.legends[0].get_texts()}
    assert named == {samples.classes[number] for number in samples.targets[np.array([0, 300, 600, 900])].classes}
