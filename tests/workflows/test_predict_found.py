"""`zoo predict` with a detector: what is found, told, drawn and written, for one picture and for several."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from found_models import SIDE, bright_pixels
from PIL import Image

from zoo_core import TaskSpec
from zoo_core.errors import UsageError, ZooError
from zoo_core.runtime import open_model
from zoo_core.tasks import Task
from zoo_core.workflows.answers.predict import predict


@pytest.fixture
def sky(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a detector of stars, and pictures twice as large as it takes them: two stars, and none."""
    monkeypatch.chdir(tmp_path)
    bright_pixels(tmp_path)
    pixels = np.zeros((2 * SIDE, 2 * SIDE, 3), np.uint8)
    Image.fromarray(pixels).save("night.png")
    pixels[4:6, 2:4] = 204  # 0.8
    pixels[8:10, 12:14] = 102  # 0.4
    Image.fromarray(pixels).save("stars.png")
    return tmp_path


def found(row: dict[str, Any]) -> list[tuple[float, list[float]]]:
    return [(round(each["probability"], 3), each["box"]) for each in row["detections"]]


def test_rows_are_told_in_pixels_of_the_picture_and_drawn_beside(sky: Path) -> None:
    rows = predict("exported/stars", inputs=["stars.png", "night.png"])
    assert [row["input"] for row in rows] == ["stars.png", "night.png"]
    assert found(rows[0]) == [(0.8, [2.0, 4.0, 4.0, 6.0])]
    assert rows[1]["detections"] == []
    assert rows[0]["picture"] == "stars.boxes.png"
    drawn = np.asarray(Image.open(rows[0]["picture"]))
    assert drawn.shape[0] % (2 * SIDE) == 0
    assert (drawn[..., 0] != drawn[..., 1]).any()  # colour in a grey picture
    plain = np.asarray(Image.open("night.boxes.png"))
    assert not plain.any()


def test_another_threshold(sky: Path) -> None:
    (row,) = predict("exported/stars", inputs=["stars.png"], threshold=0.3)
    assert found(row) == [(0.8, [2.0, 4.0, 4.0, 6.0]), (0.4, [12.0, 8.0, 14.0, 10.0])]
    assert open_model("exported/stars").meaning.settings == {"threshold": 0.75}  # the file keeps its own


def test_a_folder_one_drawing_and_a_table(sky: Path) -> None:
    (row,) = predict("exported/stars", inputs=["stars.png"], out="there")
    assert row["picture"] == "there/stars.boxes.png"
    (row,) = predict("exported/stars", inputs=["stars.png"], out="one.png")
    assert row["picture"] == "one.png"
    predict("exported/stars", inputs=["stars.png", "night.png"], out="results/table.csv", threshold=0.3)
    with open("results/table.csv", newline="") as file:
        first, second = csv.DictReader(file)
    assert first["count"] == "2"
    assert first["detections"] == "star 0.8000 [2 4 4 6]; star 0.4000 [12 8 14 10]"
    assert first["picture"] == "results/stars.boxes.png"
    assert Path(second["picture"]).exists()
    with pytest.raises(UsageError, match=r"one\.png is one file, for 2 inputs"):
        predict("exported/stars", inputs=["stars.png", "night.png"], out="one.png")
    with pytest.raises(UsageError, match=r"--out one\.txt: drawings are written as \.png"):
        predict("exported/stars", inputs=["stars.png"], out="one.txt")


def test_the_command(sky: Path, zoo_here: Callable[..., Any]) -> None:
    Path("bad.png").write_bytes(b"no picture")
    shown = zoo_here("predict", "stars", "stars.png", "night.png", "bad.png")
    assert shown.code == 1
    lines = shown.stdout.splitlines()
    assert lines[0].split() == ["INPUT", "PICTURE", "ANSWER"]
    assert lines[1].split() == ["stars.png", "stars.boxes.png", "star", "0.80"]
    assert lines[2].split() == ["night.png", "night.boxes.png", "nothing"]
    assert lines[3].split()[:3] == ["bad.png", "-", "error:"]
    told = zoo_here("predict", "stars", "stars.png", "--json", "--threshold", "0.9")
    assert told.json == [{"input": "stars.png", "detections": [], "picture": "stars.boxes.png"}]
    assert zoo_here("predict", "stars", "stars.png", "--threshold", "2").code == 2


def test_a_task_without_answers_says_so(sky: Path) -> None:
    model = open_model("exported/stars")
    spec = TaskSpec(name="stars", summary="stars", load=Task, targets="none", answers=False)
    model.meaning = Task(spec)
    with pytest.raises(ZooError, match="detection has no answers for people yet"):
        model(["stars.png"])


def test_outputs_without_an_axis_for_the_pictures_get_one(sky: Path) -> None:
    rows = np.zeros((3, 1, SIDE, SIDE), np.float32)
    rows[1, 0, 2, 3] = rows[1, 0, 4, 1] = rows[2, 0, 0, 0] = 0.5
    outputs = open_model("exported/stars").run_rows(rows)
    assert outputs["boxes"].shape == (3, 2, 4)
    assert outputs["scores"].tolist() == [[0, 0], [0.5, 0.5], [0.5, 0]]
    assert outputs["boxes"][1].tolist() == [[3, 2, 4, 3], [1, 4, 2, 5]]
