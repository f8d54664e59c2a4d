"""ONNX files: their bytes and fields, their metadata, and the test vectors beside them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import hostile_files as hostile
import numpy as np
from mutations import changed_bytes, changed_json, changed_protobuf
from onnx_files import brightness_metadata, brightness_model
from PIL import Image

from zoo_core.runtime import open_model
from zoo_core.runtime.reading.metadata import KEY, read_metadata
from zoo_core.runtime.reading.own_words import own_words
from zoo_core.runtime.vetting.agreement import check_agreement
from zoo_core.runtime.vetting.vet import vet
from zoo_core.verification.conclude.structure import Interface, check_structure
from zoo_core.verification.expect.self_test import input_draws, validated
from zoo_core.verification.feed.vectors import read_vectors, write_vectors

from .reader import Reader, damaged, saved


def _self_test() -> dict[str, Any]:
    draws = input_draws({"image": (2, 1, 4, 4)}, ranges={"image": (0.0, 1.0)}, dtypes={"image": "float32"}, seed=7)
    expected = {"shape": [2, 3], "positions": [0, 1], "expected": [0.5, 0.5], "bound": 0.1, "floor": 0.01}
    return {**draws, "outputs": {"logits": expected}, "others": []}


@cache
def _brightness() -> dict[str, Any]:
    metadata = brightness_metadata(
        largest={"N": 64},
        options={"hidden": [1, 2]},
        dataset={"name": "digits", "plugin": "zoo-core:digits", "options": {}, "fingerprint": "0" * 64},
        metrics={"test": {"accuracy": 0.5}},
        versions={"torch": "2.11"},
        self_test=_self_test(),
    )
    plain: dict[str, Any] = json.loads(metadata.to_json())
    return plain


def _onnx_files() -> list[bytes]:
    return [
        _with_metadata(json.dumps(_brightness())),
        hostile.layers(3, metadata=1),
        hostile.branches_below_many_names(2),
        hostile.shapes_of_many_numbers(3),
        hostile.switches_of_many_values(1),
        hostile.number_in_many_pieces(2),
        _odd_nodes(),
    ]


def _odd_nodes() -> bytes:
    """Nodes whose attributes and constants are looked at."""
    nodes = [
        hostile.node("Pad", ["x"], ["a"], hostile.ints_attribute("pads", [0, 1])),
        hostile.node("Constant", (), ["n"], hostile.ints_attribute("value_ints", [1, 2])),
        hostile.node("Tile", ["x", "n"], ["b"]),
        hostile.node("Range", ["s", "s", "s"], ["c"]),
        hostile.node("Resize", ["x", "", "s"], ["d"]),
        hostile.node("MaxPool", ["x"], ["e"], hostile.ints_attribute("kernel_shape", [1, 1])),
        hostile.node("BatchNormalization", ["x"], ["f"], hostile.ints_attribute("training_mode", [0])),
    ]
    stored = [hostile.tensor("s", (2,), hostile.FLOAT, bytes(8))]
    outputs = [hostile.value_info("a", 2)]
    return hostile.model(hostile.graph(nodes, tensors=stored, inputs=[hostile.value_info("x", 2)], outputs=outputs))


def _vet(path: Path) -> None:
    own_words(path)
    file = vet(path)
    check_structure(file, Interface(inputs={}, outputs={}, opset=20))
    if KEY in file.metadata_props:
        check_agreement(file, read_metadata(file))


def _with_metadata(text: str) -> bytes:
    model = brightness_model()
    entry = model.metadata_props.add()
    entry.key, entry.value = "zoo", text.encode("utf-8", "replace").decode()
    return model.SerializeToString()


def _predict(path: Path) -> None:
    own_words(path)
    picture = path.with_name("picture.png")
    if not picture.exists():
        Image.fromarray(np.arange(60, dtype=np.uint8).reshape(6, 10)).save(picture)
    model = open_model(path, threads=1)
    metadata = model.metadata
    if metadata.self_test is not None:
        validated(metadata.self_test, inputs=metadata.inputs, outputs=metadata.outputs)
    model(picture)


def _vectors() -> bytes:
    def write(path: Path) -> None:
        write_vectors(path.parent, {"image": np.zeros((2, 1, 4, 4), np.float32)}, {})
        (path.parent / "test_data_set_0" / "input_0.pb").rename(path)

    return saved(write)


def readers() -> dict[str, Reader]:
    """Every reader of this kind by its name."""
    return {
        "ONNX, bytes": Reader(file="model.onnx", content=damaged(_onnx_files(), changed_bytes), read=_vet),
        "ONNX, fields": Reader(file="model.onnx", content=damaged(_onnx_files(), changed_protobuf), read=_vet),
        "metadata": Reader(file="model.onnx", content=changed_json(_brightness()).map(_with_metadata), read=_predict),
        "test vector": Reader(
            file="test_data_set_0/input_0.pb",
            content=changed_protobuf(_vectors()),
            read=lambda path: read_vectors(path.parents[1], "input", ["image"]),
        ),
    }
