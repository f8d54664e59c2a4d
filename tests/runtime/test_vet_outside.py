"""Data outside of the file: only in plain files beside it, of the length that is announced."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_files import graph_model, write_model
from vetted import (
    floats,
    ints,
    one_node,
)

from zoo_core.errors import RefusedFileError
from zoo_core.runtime.vetting.vet import vet


def outside(folder: Path, location: str = "weights.bin", *, in_attribute: bool = False, **pairs: str) -> Path:
    """A model whose tensor of two floats is at `location`, with a good `weights.bin` beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights.bin").write_bytes(np.arange(4, dtype=np.float32).tobytes())
    tensor = TensorProto(name="w", dims=[2], data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, "offset": "0", "length": "8", **pairs}.items():
        tensor.external_data.add(key=key, value=value)
    if in_attribute:
        return write_model(folder / "model.onnx", one_node("Constant", value=tensor))
    return write_model(
        folder / "model.onnx", graph_model([helper.make_node("Identity", ["w"], ["y"])], tensors=[tensor])
    )


def test_good_external_data_are_accepted(tmp_path: Path) -> None:
    file = vet(outside(tmp_path, offset="8"))
    assert dict(file.initializers["w"].external or ())["location"] == "weights.bin"
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "w.bin").write_bytes(bytes(8))
    vet(outside(tmp_path, "sub/w.bin", checksum="0" * 40))


@pytest.mark.parametrize("in_attribute", [False, True])
@pytest.mark.parametrize(
    "location",
    ["/etc/passwd", "../weights.bin", "a/../../w", "C:/w", "a\\b", "", ".", "./weights.bin", "a//b", "weights.bin ",
     "*/_ORT_MEM_ADDR_/*", "w\x00.bin", "weights.bin/"],
)  # fmt: skip
def test_paths_that_lead_out(location: str, in_attribute: bool, tmp_path: Path) -> None:
    with pytest.raises(RefusedFileError, match=r"refused \(external-data-path\): the data of 'w' would be read from"):
        vet(outside(tmp_path / "bundle", location, in_attribute=in_attribute))


@pytest.mark.parametrize(
    ("pairs", "rule", "words"),
    [
        ({"basepath": "/"}, "external-data-keys", "described by the keys"),
        ({"offset": "-1"}, "external-data-keys", "not a number"),
        ({"length": "1e1"}, "external-data-keys", "not a number"),
        ({"length": "4"}, "external-data-size", "need 8 bytes, but 4 are announced"),
        ({"offset": "12"}, "external-data-size", "end at byte 20 of a file of 16"),
        ({"offset": str(1 << 62)}, "external-data-size", "of a file of 16"),
        ({"location": "model.onnx"}, "external-data-path", "from the .onnx file itself"),
        ({"location": "gone.bin"}, "external-data-missing", "No such file"),
        ({"location": "folder"}, "external-data-link", "not a plain file"),
        ({"location": "weights.bin/x"}, "external-data-missing", "Not a directory"),
        ({"location": "link.bin"}, "external-data-link", "is a link"),
        ({"location": "linked/w.bin"}, "external-data-link", "is a link"),
        ({"location": "hard.bin"}, "external-data-link", "hard link"),
    ],
)
def test_external_data(pairs: dict[str, str], rule: str, words: str, tmp_path: Path) -> None:
    bundle, elsewhere = tmp_path / "bundle", tmp_path / "elsewhere"
    for folder in (bundle / "folder", elsewhere):
        folder.mkdir(parents=True)
    (elsewhere / "w.bin").write_bytes(bytes(16))
    (bundle / "link.bin").symlink_to(elsewhere / "w.bin")
    (bundle / "linked").symlink_to(elsewhere)
    os.link(elsewhere / "w.bin", bundle / "hard.bin")
    with pytest.raises(RefusedFileError) as caught:
        vet(outside(bundle, **pairs))
    assert f"refused ({rule})" in caught.value.message
    assert words in caught.value.message


def test_external_data_of_sparse_tensors_and_branches(tmp_path: Path) -> None:
    hostile = TensorProto(name="w", dims=[1], data_type=TensorProto.INT64, data_location=TensorProto.EXTERNAL)
    hostile.external_data.add(key="location", value="/etc/passwd")
    model = graph_model([helper.make_node("Identity", ["w"], ["y"])])
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(floats("w", 1), ints("", 0), [4]))
    model.graph.sparse_initializer[0].indices.CopyFrom(hostile)
    branch = helper.make_graph(
        [helper.make_node("Identity", ["w"], ["z"])],
        "b",
        [],
        [helper.make_tensor_value_info("z", TensorProto.INT64, None)],
        [hostile],
    )
    choice = numpy_helper.from_array(np.array(True), "choice")
    branched = graph_model(
        [helper.make_node("If", ["choice"], ["y"], then_branch=branch, else_branch=branch)], tensors=[choice]
    )
    for number, bad in enumerate((model, branched)):
        with pytest.raises(RefusedFileError, match="external-data-path"):
            vet(write_model(tmp_path / f"{number}.onnx", bad))
