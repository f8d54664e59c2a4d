"""`zoo predict` with a model of two pictures: a pair is a row of a CSV of paths, and its flow is written and drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_files import graph_model, write_model
from PIL import Image

from zoo_core import Preprocess, TensorSpec
from zoo_core.runtime import open_model
from zoo_core.runtime.reading.metadata import Metadata

PICTURE = TensorSpec("N", 3, "8*H", "8*W", low=-1.0, high=1.0)
SIZE = (16, 24)


@pytest.fixture
def pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An export `flow`, whose flow is the difference of red and of blue, and pictures of one colour."""
    monkeypatch.chdir(tmp_path)
    nodes = [
        helper.make_node("Sub", ["image2", "image1"], ["difference"]),
        helper.make_node("Gather", ["difference", "both"], ["flow"], axis=1),
    ]
    names = ("image1", "image2")
    model = graph_model(
        nodes,
        inputs=[helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3, "8*H", "8*W"]) for name in names],
        outputs=[helper.make_tensor_value_info("flow", TensorProto.FLOAT, ["N", 2, "8*H", "8*W"])],
        tensors=[numpy_helper.from_array(np.array([0, 2], np.int64), "both")],
    )
    metadata = Metadata(
        name="flow",
        task="optical-flow",
        inputs=dict.fromkeys(names, PICTURE),
        outputs={"flow": TensorSpec("N", 2, "8*H", "8*W")},
        preprocess=Preprocess(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
        opset=20,
    )
    write_model(tmp_path / "exported" / "flow" / "model.onnx", model, metadata)
    (tmp_path / "pictures").mkdir()
    for name, color, size in (("black", 0, SIZE), ("red", (255, 0, 0), SIZE), ("odd", 0, (15, 24))):
        Image.new("RGB", size[::-1], color).save(tmp_path / "pictures" / f"{name}.png")
    return tmp_path


def test_pairs_are_rows_of_a_table(pairs: Path, zoo_here: Callable[..., Any]) -> None:
    lines = ("image1,image2", "black.png,red.png", "red.png,red.png", "black.png,absent.png", "odd.png,odd.png")
    Path("pictures/pairs.csv").write_text("\n".join(lines))
    told = zoo_here("predict", "flow", "pictures/pairs.csv", "--json")
    assert told.code == 1
    first, second, absent, odd = told.json
    assert first == {
        "input": "pictures/pairs.csv[0]",
        "file": "pairs.0.features.npy",
        "shape": [2, *SIZE],
        "picture": "pairs.0.flow.png",
    }
    flow = np.load("pairs.0.features.npy")
    assert np.array_equal(flow[0], np.full(SIZE, 2.0))
    assert not flow[1].any()
    assert not np.load("pairs.1.features.npy").any()
    drawn = [np.asarray(Image.open(row["picture"])) for row in (first, second)]
    assert drawn[0].shape == (*SIZE, 3)
    assert drawn[0].min() < 255 == drawn[1].min()  # what moves has a colour, what stays is white
    assert "absent.png" in absent["error"]
    assert "must be a multiple of 8" in odd["error"]
    shown = zoo_here("predict", "flow", "pictures/pairs.csv")
    assert shown.stdout.splitlines()[0].split() == ["INPUT", "SHAPE", "FILE"]
    assert shown.stdout.splitlines()[1].split()[-2:] == ["pairs.0.features.npy,", "pairs.0.flow.png"]


def test_all_flows_in_one_file_are_not_drawn(pairs: Path, zoo_here: Callable[..., Any]) -> None:
    Path("pictures/pairs.csv").write_text("image1,image2\nblack.png,red.png\nred.png,black.png\n")
    told = zoo_here("predict", "flow", "pictures/pairs.csv", "--out", "all.npy", "--json")
    assert [row["file"] for row in told.json] == ["all.npy", "all.npy"]
    assert np.load("all.npy").shape == (2, 2, *SIZE)
    assert not list(pairs.glob("*.png"))


def test_pictures_and_prepared_arrays_by_name_in_python(pairs: Path) -> None:
    model = open_model("exported/flow")
    (by_path,) = model({"image1": Path("pictures/black.png"), "image2": Path("pictures/red.png")})
    pixels = {name: np.asarray(Image.open(f"pictures/{color}.png")) for name, color in (("image1", "black"),)}
    red = np.full((3, *SIZE), -1, np.float32)
    red[0] = 1
    (mixed,) = model({**pixels, "image2": red})
    assert np.array_equal(by_path["flow"], mixed["flow"])
    np.save("red.npy", red)
    (stored,) = model({**pixels, "image2": Path("red.npy")})
    assert np.array_equal(by_path["flow"], stored["flow"])
