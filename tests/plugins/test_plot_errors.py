"""`zoo plot --what errors`: tiles name their files, in rows by class; a table beside it; differences of masks."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_samples import numbered, predictor_of
from PIL import Image

from zoo_core import IGNORED, ZooError
from zoo_core.data import Samples
from zoo_core.workflows.answers import Part
from zoo_plugins.plot.answers import draw_errors
from zoo_plugins.plot.figures import new_figure, short_path
from zoo_plugins.plot.layout import rows_by_class, together
from zoo_plugins.plot.tiles import ANOTHER, MISSED, TOO_MUCH, difference

Zoo = Callable[..., Any]


def write_pictures(folder: Path) -> None:
    """Three classes of noise in three colours; the name of one of them is a formula."""
    rng = np.random.default_rng(0)
    for number, name in enumerate(("cat", "dog", "=cow")):
        (folder / "pets" / name).mkdir(parents=True)
        for index in range(8):
            pixels = rng.integers(0, 100, (16, 16, 3), dtype=np.uint8)
            pixels[..., number] += 100
            Image.fromarray(pixels).save(folder / "pets" / name / f"{index}.png")


def test_the_table_has_every_error_with_its_file_and_what_was_decided(zoo_here: Zoo, tmp_path: Path) -> None:
    write_pictures(tmp_path)
    data = ("image-folder", "-d", "root=pets", "-d", "size=16", "-d", "val_size=12")
    # A rate at which nothing is learned: some classes are always wrong.
    trained = zoo_here("train", "lenet5", "--dataset", *data, "--epochs", "1", "-t", "lr=1e-9", "--run", "run")
    assert trained.code == 0, trained.stderr
    done = zoo_here("plot", "run", "--what", "errors", "--count", "2", "--json")
    assert done.json == {"files": ["runs/run/plots/errors.png", "runs/run/plots/errors.csv"], "remarks": []}
    with (tmp_path / "runs" / "run" / "plots" / "errors.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    measured = zoo_here("eval", "run", "--split", "validation", "--dataset", *data, "--json").json["metrics"]
    assert len(rows) == round(12 * (1 - measured["accuracy"])) > 2
    losses = [float(row["loss"]) for row in rows]
    assert losses == sorted(losses, reverse=True)
    for row in rows:
        assert list(row) == ["path", "truth", "decision", "probability", "loss", "sample"]
        assert (tmp_path / row["path"]).is_file()
        assert row["truth"].removeprefix("'") == Path(row["path"]).parent.name != row["decision"].removeprefix("'")
        assert 1 / 3 <= float(row["probability"]) <= 1
        assert "=cow" not in {row["truth"], row["decision"]}


def labelled(targets: list[int], logits: list[list[float]], files: tuple[str, ...] | None = None) -> tuple[Any, str]:
    samples = dataclasses.replace(numbered(np.array(targets), 3), files=files)
    part = Part(dataset="made", split="test", samples=samples, labels=samples.classes)
    predictor = predictor_of("image-classification", np.array(logits, np.float32))
    return draw_errors(predictor, part, title="t", count=4)


LOGITS = [[0, 9.0, 0], [0, 0, 5.0], [7.0, 0, 0], [6.0, 0, 0], [0, 8.0, 0]]


def test_tiles_name_their_files_and_those_of_a_class_stand_together() -> None:
    figure, table = labelled([0, 0, 1, 2, 2], LOGITS, files=tuple(f"folder/sub/{index}.png" for index in range(5)))
    told = [axes.get_xlabel().splitlines()[-1] for axes in figure.axes]
    assert told == ["sub/0.png", "sub/4.png", "sub/3.png", "sub/2.png"]
    rows = [axes.get_subplotspec().rowspan.start for axes in figure.axes]
    columns = [axes.get_subplotspec().colspan.start for axes in figure.axes]
    assert (rows, columns) == ([0, 0, 0, 0], [0, 1, 2, 3])
    paths = [line.split(",")[0] for line in table.splitlines()]
    assert paths == ["path", *(f"folder/sub/{index}.png" for index in (0, 4, 2, 3, 1))]


def test_samples_that_are_no_files_are_named_by_their_number() -> None:
    figure, table = labelled([0, 0, 1, 2, 2], LOGITS)
    assert [axes.get_xlabel().splitlines()[-1] for axes in figure.axes] == [
        f"sample {number}" for number in (0, 4, 3, 2)
    ]
    assert table.splitlines()[1].split(",")[::5] == ["", "0"]


@pytest.mark.parametrize(
    ("sizes", "columns", "rows", "by_class"),
    [
        ([3], 3, 1, True),
        ([10, 10], 5, 4, True),
        ([9, 2], 5, 3, True),
        ([1] * 40, 8, 5, False),
        ([2] * 100, 8, 25, False),
    ],
)
def test_where_classes_begin_a_row(sizes: list[int], columns: int, rows: int, by_class: bool) -> None:
    numbers = [number for number, size in enumerate(sizes) for _ in range(size)]
    layout = rows_by_class(numbers, columns=8)
    assert (layout.columns, layout.rows, layout.by_class) == (columns, rows, by_class)
    assert len(set(layout.places)) == len(numbers)
    if by_class:
        begins = [
            place for index, place in enumerate(layout.places) if index == 0 or numbers[index] != numbers[index - 1]
        ]
        assert all(place % columns == 0 for place in begins)


@pytest.mark.parametrize(
    ("sizes", "rows"),
    [
        ([1, 2, 1, 1, 1], ["abbcde"]),
        ([8, 1, 1], ["aaaaaaaa", "bc"]),
        ([1] * 12, ["abcdefgh", "ijkl"]),
        ([6, 1, 1, 1], ["aaaaaabc", "d"]),
        ([1, 3, 3, 1, 1, 1], ["abbbcccd", "ef"]),
        ([12, 1, 1, 1], ["aaaaaaaa", "aaaabcd"]),
    ],
)
def test_classes_of_few_tiles_share_rows(sizes: list[int], rows: list[str]) -> None:
    """Errors of a good classifier, one or two of each class, stood below each other in a mostly empty picture."""
    letters = [chr(ord("a") + number) for number, size in enumerate(sizes) for _ in range(size)]
    layout = rows_by_class([ord(letter) for letter in letters], columns=8)
    drawn = ["" for _ in range(layout.rows)]
    for letter, place in zip(letters, layout.places, strict=True):
        assert place % layout.columns == len(drawn[place // layout.columns])
        drawn[place // layout.columns] += letter
    assert drawn == rows


def test_tiles_of_a_class_come_together_and_stay_in_their_order() -> None:
    assert together([2, 0, 2, 1, 0]) == [0, 2, 1, 4, 3]


def test_what_differs_in_a_mask_is_told_by_colour() -> None:
    truth = np.array([[0, 1, 2, 1], [0, 0, IGNORED, 1]], np.uint8)
    decided = np.array([[0, 0, 1, 1], [2, 0, 1, 1]], np.uint8)
    drawn = difference(np.full((2, 4, 3), 50, np.uint8), truth, decided)
    assert drawn.shape == (256, 512, 3)
    cells = drawn[::128, ::128].tolist()
    pale = [145, 145, 145]
    assert cells == [[pale, list(MISSED), list(ANOTHER), pale], [list(TOO_MUCH), pale, pale, pale]]


def test_masks_have_a_panel_of_differences_and_a_row_in_the_table() -> None:
    samples = dataclasses.replace(
        numbered(np.array([[[0, 1], [1, 1]], [[0, 0], [0, 1]]], np.uint8), 2),
        # the first value is the number
        inputs={"image": np.array([[[[0, 1], [1, 0]]], [[[1, 0], [1, 0]]]], np.float32)},
        files=("a/0.png", "a/1.png"),
    )
    part = Part(dataset="made", split="test", samples=samples, labels=samples.classes)
    logits = np.zeros((2, 2, 2, 2), np.float32)
    logits[:, 1] = [[[-1, 1], [1, 1]], [[1, 1], [1, 1]]]

    def batches(samples: Samples) -> Iterator[tuple[slice, dict[str, Any]]]:
        yield slice(0, len(samples)), {"logits": logits[samples.main[:, 0, 0, 0].astype(int)]}

    predictor = dataclasses.replace(predictor_of("semantic-segmentation", logits), batches=batches)
    figure, table = draw_errors(predictor, part, title="t", count=1)
    assert [axes.get_title() for axes in figure.axes] == ["input", "truth", "prediction", "difference"]
    assert figure.axes[0].get_ylabel() == "a/1.png\nIoU 0.125"
    lines = table.splitlines()
    assert lines[0] == "path,truth,decision,iou,loss,sample"
    first, second = samples.classes
    assert lines[1:] == [f"a/1.png,{first}; {second},{second},0.125,0.875,1"]


def test_names_that_do_not_fit_keep_their_end_and_are_printable() -> None:
    assert short_path("a/b/c.png") == "b/c.png"
    assert short_path("folder\\b\\c.png") == "b/c.png"
    assert short_path("a rather long folder/picture 024.png") == "…older/picture 024.png"
    assert short_path("x/a\n\udcff.png") == "x/a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}.png"


def test_a_picture_that_would_be_too_tall_is_refused() -> None:
    with pytest.raises(ZooError, match="a picture 72,000 pixels high cannot be drawn") as caught:
        new_figure(width=5, height=600)
    assert "--count N" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("digits", "--count", "0"), "0 is not in the range 1<=x<=500"),
        (("digits", "--what", "augmented", "--count", "3"), "--count is not for augmented"),
    ],
)
def test_a_count_that_cannot_be_is_said(zoo_here: Zoo, arguments: tuple[str, ...], message: str) -> None:
    refused = zoo_here("plot", *arguments)
    assert refused.code == 2
    assert message in refused.stderr


def test_as_many_samples_as_were_asked_for(zoo_here: Zoo, tmp_path: Path) -> None:
    sides = []
    for count in ("3", "30"):
        assert zoo_here("plot", "digits", "--count", count).code == 0
        with Image.open(tmp_path / "plots" / "digits-samples.png") as picture:
            sides.append(picture.height)
    assert sides[1] > 2 * sides[0]
