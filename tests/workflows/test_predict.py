"""`zoo predict`: what it prints, and that one bad file among many leaves nothing half-printed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper, numpy_helper
from onnx_files import LABELS, brightness_metadata, brightness_model, write_brightness, write_model
from PIL import Image

from zoo_core.errors import UsageError, ZooError
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
    assert lines[-1] == "Next: zoo verify brightness"


@pytest.mark.parametrize(
    "name", ["brightness", "export:brightness", "exported/brightness", "exported/brightness/model.onnx"]
)
def test_json_has_all_classes(name: str, run_zoo: Callable[..., Any], export: Path, pictures: Path) -> None:
    done = run_zoo("predict", name, "pictures", "--json")
    assert (done.code, done.stderr) == (0, "")
    assert [answer["input"] for answer in done.json] == ["pictures/a.PNG", "pictures/b.png", "pictures/c.jpg"]
    assert [answer["label"] for answer in done.json] == ["dark", "bright", "middle"]
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


@pytest.mark.parametrize(
    ("make", "code"), [(broken, 1), (renamed, 4), (enormous, 4), (lambda folder: folder / "absent.png", 1)]
)
@pytest.mark.parametrize("flags", [["--json"], []])
def test_one_bad_picture_among_many(
    make: Callable[[Path], Path], code: int, flags: list[str], run_zoo: Callable[..., Any], export: Path, pictures: Path
) -> None:
    bad = make(pictures)
    done = run_zoo("predict", "brightness", pictures / "a.PNG", bad, pictures / "b.png", *flags)
    assert done.code == code
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert bad.name in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_without_pictures(run_zoo: Callable[..., Any], export: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    done = run_zoo("predict", "brightness", "none")
    assert (done.code, done.stdout) == (1, "")
    assert "Error: no pictures in none\nHint: files that end in .png" in done.stderr


def test_out_is_for_pictures_and_arrays(run_zoo: Callable[..., Any], export: Path, pictures: Path) -> None:
    done = run_zoo("predict", "brightness", "pictures", "--out", "masks")
    assert done.code == 2
    assert "--out is for tasks that give pictures or arrays, and image-classification gives labels" in done.stderr
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
    assert [Path(answer["input"]).name for answer in answers] == ["b.png", "a.PNG", "b.png", "c.jpg"]
    with pytest.raises(ZooError, match=r"cannot read picture .*absent"):
        predict(export, inputs=["absent"])


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
    assert "onnxruntime could not run" in done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert "\x1b" not in done.stderr
