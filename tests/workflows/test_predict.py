"""`zoo predict`: what it prints, and that a bad file among many has an error and the others go on."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper, numpy_helper
from onnx_files import GREY, LABELS, brightness_metadata, brightness_model, write_brightness, write_model
from PIL import Image

from zoo_core.errors import UsageError
from zoo_core.workflows.answers.predict import predict


@pytest.fixture
def export(tmp_path: Path) -> Path:
    return write_brightness(tmp_path)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "inner").mkdir(parents=True)
    for name, level in (("b.png", 255), ("a.PNG", 0), ("c.jpg", 128), (".hidden.png", 9), ("inner/d.png", 1)):
        Image.new("L", (8, 8), level).save(folder / name)
    (folder / "notes.txt").write_text("no picture")
    return folder


def test_a_table_for_people(run_zoo: Callable[..., Any], export: Path, pictures: Path) -> None:
    done = run_zoo("predict", "brightness", pictures / "b.png", "pictures/a.PNG")
    assert (done.code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["INPUT", "LABEL", "PROBABILITY"]
    assert lines[1].split()[:2] == [str(pictures / "b.png"), "bright"]
    assert lines[2].split()[:2] == ["pictures/a.PNG", "dark"]
    assert lines[1].index("bright") == lines[2].index("dark") == lines[0].index("LABEL")
    assert 0.9 < float(lines[1].split()[2]) <= 1
    assert lines[-1] == "Next: zoo verify exported/brightness/model.onnx", "it has no report"


@pytest.mark.parametrize(
    "name", ["brightness", "export:brightness", "exported/brightness", "exported/brightness/model.onnx"]
)
def test_json_has_all_classes(name: str, run_zoo: Callable[..., Any], export: Path, pictures: Path) -> None:
    done = run_zoo("predict", name, "pictures", "--json")
    assert (done.code, done.stderr) == (0, "")
    assert [answer["input"] for answer in done.json] == [
        f"pictures/{name}" for name in ("a.PNG", "b.png", "c.jpg", "inner/d.png")
    ]
    assert [answer["label"] for answer in done.json] == ["dark", "bright", "middle", "dark"]
    for answer in done.json:
        assert set(answer) == {"input", "label", "probability", "probabilities"}
        assert set(answer["probabilities"]) == set(LABELS)
        assert answer["probabilities"][answer["label"]] == answer["probability"]


def broken(folder: Path) -> Path:
    path = folder / "broken.png"
    path.write_bytes((folder / "b.png").read_bytes()[:-30])
    return path


def renamed(folder: Path) -> Path:
    path = folder / "web.png"
    path.write_text("<html>not found</html>")
    return path


def enormous(folder: Path) -> Path:
    path = folder / "enormous.png"
    Image.new("1", (12_000, 9_000)).save(path)
    return path


def absent(folder: Path) -> Path:
    return folder / "absent.png"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (broken, "is damaged"),
        (renamed, "is not a PNG, JPEG, WEBP or BMP picture; it seems to be a web page"),
        (enormous, "108 megapixels, more than the 50 allowed"),
        (absent, "No such file or directory"),
    ],
)
def test_one_bad_picture_among_many_has_an_error(
    make: Callable[[Path], Path], words: str, run_zoo: Callable[..., Any], export: Path, pictures: Path
) -> None:
    bad = make(pictures)
    inputs = (pictures / "a.PNG", bad, pictures / "b.png")
    done = run_zoo("predict", "brightness", *inputs, "--json")
    assert done.code == 1
    assert [row["input"] for row in done.json] == list(map(str, inputs))
    assert [row.get("label") for row in done.json] == ["dark", None, "bright"]
    assert set(done.json[1]) == {"input", "error"}
    assert words in done.json[1]["error"]
    assert bad.name in done.json[1]["error"]
    assert done.stderr.startswith("Error: 1 of 3 inputs could not be predicted\nHint: ")
    shown = run_zoo("predict", "brightness", *inputs)
    assert shown.code == 1
    lines = shown.stdout.splitlines()
    assert [line.split()[1] for line in lines[1:4]] == ["dark", "-", "bright"]
    assert words in lines[2]
    assert lines[2].split()[2] == "error:"
    assert shown.stderr == done.stderr


def test_a_picture_smaller_than_the_crop_is_one_bad_input(tmp_path: Path, pictures: Path) -> None:
    recipe = dataclasses.replace(GREY, resize=None, crop=(4, 4))
    export = write_brightness(tmp_path, preprocess=recipe)
    Image.new("L", (3, 3)).save(pictures / "small.png")
    rows = predict(export, inputs=[pictures / "a.PNG", pictures / "small.png", pictures / "b.png"])
    assert [row.get("label") for row in rows] == ["dark", None, "bright"]
    assert rows[1]["error"].startswith(f"{pictures / 'small.png'}: a picture of 3 x 3 pixels is smaller than the crop")


def test_a_variable_that_is_mistyped_is_no_fault_of_the_pictures(
    run_zoo: Callable[..., Any], export: Path, pictures: Path
) -> None:
    done = run_zoo("predict", "brightness", "pictures", env={"ZOO_MAX_PIXELS": "many"})
    assert (done.code, done.stdout) == (2, "")
    assert "Error: ZOO_MAX_PIXELS is a whole number above 0, not 'many'" in done.stderr


def test_a_folder_without_pictures(run_zoo: Callable[..., Any], export: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    done = run_zoo("predict", "brightness", "none", "--json")
    assert done.code == 1
    (row,) = done.json
    assert row["input"] == "none"
    assert row["error"].startswith("no pictures in none (files that end in .png")


def test_labels_are_written_as_a_table_only(run_zoo: Callable[..., Any], export: Path, pictures: Path) -> None:
    done = run_zoo("predict", "brightness", "pictures", "--out", "masks")
    assert done.code == 2
    assert "--out masks: image-classification gives labels, which are written as .csv or .jsonl" in done.stderr
    with pytest.raises(UsageError, match="image-classification gives labels"):
        predict(export, inputs=[pictures], out="masks")


def test_names_and_files_that_are_no_exports(run_zoo: Callable[..., Any], export: Path, pictures: Path) -> None:
    unknown = run_zoo("predict", "brightnes", "pictures")
    assert (unknown.code, unknown.stdout) == (2, "")
    assert "Did you mean 'brightness'?" in unknown.stderr
    export.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    pointer = run_zoo("predict", "brightness", "pictures", "--json")
    assert (pointer.code, pointer.stdout) == (4, "")
    assert "it is a Git LFS pointer" in pointer.stderr
    assert "Hint: run `git lfs pull`" in pointer.stderr
    write_model(export, brightness_model())
    foreign = run_zoo("predict", "brightness", "pictures")
    assert (foreign.code, foreign.stdout) == (1, "")
    assert "is an ONNX file without our metadata" in foreign.stderr
    nothing = run_zoo("predict", "brightness")
    assert (nothing.code, nothing.stdout) == (2, "")


def test_names_of_files_cannot_steer_the_terminal(run_zoo: Callable[..., Any], export: Path, tmp_path: Path) -> None:
    name = "evil\x1b[2J.png"
    Image.new("L", (8, 8), 255).save(tmp_path / name)
    done = run_zoo("predict", "brightness", name)
    assert done.code == 0
    assert "\x1b" not in done.stdout
    assert json.loads(run_zoo("predict", "brightness", name, "--json").stdout)[0]["input"] == name


def test_from_python(export: Path, pictures: Path) -> None:
    answers = predict(export, inputs=[pictures / "b.png", str(pictures)])
    assert [Path(answer["input"]).name for answer in answers] == ["b.png", "a.PNG", "b.png", "c.jpg", "d.png"]
    (row,) = predict(export, inputs=["absent"])
    assert row["error"].startswith("cannot read picture absent: No such file")


def test_lines_of_onnxruntime_do_not_reach_the_terminal(
    run_zoo: Callable[..., Any], export: Path, pictures: Path
) -> None:
    model = brightness_model()
    model.graph.initializer.append(numpy_helper.from_array(np.array([2, 1], np.int64), "odd"))
    model.graph.node.insert(3, helper.make_node("Reshape", ["scaled", "odd"], ["reshaped"]))
    model.graph.node[4].input[0] = "reshaped"
    write_model(export, model, brightness_metadata(name="brightness"))
    done = run_zoo("predict", "brightness", "pictures/b.png")
    assert done.code == 1
    assert "onnxruntime could not run" in done.stdout
    assert len(done.stderr.splitlines()) == 2
    assert "\x1b" not in done.stdout + done.stderr


def test_a_file_that_names_no_classes_is_told_as_that(
    run_zoo: Callable[..., Any], tmp_path: Path, pictures: Path
) -> None:
    write_brightness(tmp_path, labels=())
    done = run_zoo("predict", "brightness", "pictures/b.png")
    assert done.code == 1
    assert "names none of the 3 classes that the model tells apart" in done.stdout + done.stderr
