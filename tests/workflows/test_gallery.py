"""`zoo predict` of vectors: kept as a gallery, and looked up in one; and galleries that nobody should trust."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx_files import graph_model, write_model

from zoo_core import TensorSpec, UsageError, ZooError
from zoo_core.runtime.reading.metadata import Metadata
from zoo_core.workflows.answers.gallery import Gallery, read_gallery, write_gallery
from zoo_core.workflows.answers.predict import plan_predictions, predict

POINTS = {"east": [1.0, 0.0], "north": [0.0, 1.0], "north-east": [1.0, 1.0], "west": [-2.0, 0.0]}


def compass(folder: Path, **changes: Any) -> Path:
    """An export `exported/compass` whose vector is its input, twice as long; it was trained on three classes."""
    model = graph_model(
        [helper.make_node("Add", ["x", "x"], ["embedding"])],
        inputs=[helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2])],
        outputs=[helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["N", 2])],
        tensors=[],
    )
    fields: dict[str, Any] = {
        "name": "compass",
        "task": "embedding",
        "labels": ("a", "b", "c"),
        "inputs": {"x": TensorSpec("N", 2)},
        "outputs": {"embedding": TensorSpec("N", 2)},
        "opset": 20,
        **changes,
    }
    return write_model(folder / "exported" / "compass" / "model.onnx", model, Metadata(**fields))


def write_points(folder: Path, **points: list[float]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, values in points.items():
        np.save(folder / f"{name}.npy", np.array(values, np.float32))
    return folder


def test_vectors_are_kept_and_looked_up(run_zoo: Callable[..., Any], here: Path) -> None:
    compass(here)
    write_points(here / "known", **POINTS)
    write_points(here / "new", near=[0.2, 3.0])
    kept = run_zoo("predict", "compass", "known", "--out", "gallery.npz")
    assert (kept.code, kept.stderr) == (0, "")
    assert kept.stdout.splitlines()[0] == "4 of 4 predicted: gallery.npz"
    first = Path("gallery.npz").read_bytes()
    done = run_zoo("predict", "compass", "new", "--gallery", "gallery.npz", "--json")
    (row,) = done.json
    assert list(row) == ["input", "neighbours"]
    names = [near["input"] for near in row["neighbours"]]
    assert names == [f"known/{name}.npy" for name in ("north", "north-east", "east", "west")]
    length = np.hypot(0.2, 3.0)
    wanted = [3 / length, 3.2 / length / np.sqrt(2), 0.2 / length, -0.2 / length]
    assert [near["similarity"] for near in row["neighbours"]] == pytest.approx(wanted, rel=1e-6)
    told = run_zoo("predict", "compass", "new", "--gallery", "gallery.npz", "--top", "2")
    line = told.stdout.splitlines()[1]
    assert line.split() == ["new/near.npy", "known/north.npy", "0.9978,", "known/north-east.npy", "0.7526"]
    assert run_zoo("predict", "compass", "known", "--out", "gallery.npz", "--json").json[0]["embedding"] == [2, 0]
    assert Path("gallery.npz").read_bytes() == first
    with np.load("gallery.npz", allow_pickle=False) as file:
        assert file["vectors"].tolist() == [[2, 0], [2, 2], [0, 2], [-4, 0]]


def test_neighbours_and_vectors_as_a_table(here: Path) -> None:
    compass(here)
    known = write_points(here / "known", **POINTS)
    predict("exported/compass", inputs=[known], out="gallery.npz")
    list(
        plan_predictions(
            "exported/compass", inputs=["known/west.npy"], gallery="gallery.npz", top=1, out="n.csv"
        ).rows()
    )
    (row,) = csv.DictReader(Path("n.csv").read_text().splitlines())
    assert (row["input"], row["error"]) == ("known/west.npy", "")
    assert row["neighbour[0]"].endswith("known/west.npy")
    assert float(row["similarity[0]"]) == pytest.approx(1)
    predict("exported/compass", inputs=["known/west.npy"], out="v.csv")
    assert list(csv.reader(Path("v.csv").read_text().splitlines())) == [
        ["input", "embedding[0]", "embedding[1]", "error"],
        ["known/west.npy", "-4.0", "0.0", ""],
    ]


def test_inputs_that_fail_are_not_in_the_gallery(here: Path, run_zoo: Callable[..., Any]) -> None:
    compass(here)
    write_points(here / "known", good=[1.0, 2.0], long=[1.0, 2.0, 3.0])
    rows = predict("exported/compass", inputs=["known"], out="gallery.npz")
    assert ["error" in row for row in rows] == [False, True]
    assert read_gallery(Path("gallery.npz")).names == ("known/good.npy",)
    with pytest.raises(ZooError, match="there is no vector for it"):
        predict("exported/compass", inputs=["known/long.npy"], out="none.npz")
    assert not Path("none.npz").exists()
    done = run_zoo("predict", "compass", "known/long.npy", "--out", "none.npz")
    assert done.code == 1
    assert "known/long.npy: " in done.stderr.partition("Error:")[0]  # why there is none


def test_what_a_gallery_is_not_for(here: Path) -> None:
    compass(here)
    write_points(here / "known", **POINTS)
    predict("exported/compass", inputs=["known"], out="gallery.npz")
    with pytest.raises(UsageError, match="what is looked up in a gallery makes no other one"):
        plan_predictions("exported/compass", inputs=["known"], gallery="gallery.npz", out="b.npz")
    with pytest.raises(UsageError, match=r"a gallery is an .npz file"):
        plan_predictions("exported/compass", inputs=["known"], gallery="gallery.csv")
    with pytest.raises(ZooError, match="cannot read gallery"):
        plan_predictions("exported/compass", inputs=["known"], gallery="missing.npz")
    write_gallery(Path("three.npz"), ["a"], [[1.0, 2.0, 3.0]])
    (row,) = plan_predictions("exported/compass", inputs=["known/east.npy"], gallery="three.npz").rows()
    assert "three.npz has vectors of 3 numbers, and the model gives 2" in row["error"]
    compass(here, task="regression", labels=())
    with pytest.raises(UsageError, match="--gallery is for tasks that give vectors to compare, not for regression"):
        plan_predictions("exported/compass", inputs=["known"], gallery="gallery.npz")


def archive(path: Path, *, packed: bool = False, **members: bytes) -> Path:
    kind = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", kind) as file:
        for name, content in members.items():
            file.writestr(name.replace("_", "."), content)
    return path


def npy(array: np.ndarray) -> bytes:
    from zoo_core.workflows.answers.shown import npy_bytes

    return npy_bytes(array)


@pytest.mark.parametrize(
    ("vectors", "names", "words"),
    [
        (npy(np.ones((2, 3), np.float32)), b'["a"]', "there is not a name for each of its 2 vectors"),
        (npy(np.ones((1, 3), np.float32)), b"[1]", "there is not a name for each of its 1 vectors"),
        (npy(np.ones((1, 3), np.float32)), b'[["a"]]', "it is nested more than 1 deep"),
        (npy(np.ones((1, 3))), b'["a"]', "its vectors are not finite float32 numbers"),
        (npy(np.full((1, 3), np.nan, np.float32)), b'["a"]', "its vectors are not finite float32 numbers"),
        (npy(np.ones((0, 3), np.float32)), b"[]", "its vectors are not finite float32 numbers"),
        (b"\x93NUMPY nothing", b"[]", "its header is damaged"),
    ],
)
def test_galleries_that_hold_something_else(vectors: bytes, names: bytes, words: str, tmp_path: Path) -> None:
    path = archive(tmp_path / "x.npz", vectors_npy=vectors, names_json=names)
    with pytest.raises(ZooError, match=words):
        read_gallery(path)


def test_galleries_that_are_damaged_or_packed(tmp_path: Path) -> None:
    good = npy(np.ones((1, 3), np.float32))
    packed = archive(tmp_path / "x.npz", packed=True, vectors_npy=good + bytes(1 << 20), names_json=b'["a"]')
    with pytest.raises(ZooError, match=r"vectors.npy in it is packed, and could be of any size"):
        read_gallery(packed)
    with pytest.raises(ZooError, match=r"x.npz is no gallery: .*names.json"):
        read_gallery(archive(tmp_path / "x.npz", vectors_npy=good))
    (tmp_path / "x.npz").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(ZooError, match=r"x.npz is no gallery: File is not a zip file"):
        read_gallery(tmp_path / "x.npz")


def test_a_name_that_is_no_text_is_kept(tmp_path: Path) -> None:
    write_gallery(tmp_path / "x.npz", ["\udcff.png", "b"], [[0.0, 0.0], [0.0, 1.0]])
    gallery = read_gallery(tmp_path / "x.npz")
    assert isinstance(gallery, Gallery)
    assert gallery.names[0] == "\udcff.png"
    assert [near["similarity"] for near in gallery.nearest([0, 5], None)] == [1, 0]
    assert json.dumps(gallery.nearest([0, 5], 1)) == '[{"input": "b", "similarity": 1.0}]'
