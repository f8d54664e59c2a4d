"""Files with parts larger, deeper or more than any honest file has: refused in words, before they cost much."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import hostile_files as hostile
import numpy as np
import pytest
from conftest import Result
from onnx_files import brightness_metadata, brightness_model, write_brightness, write_model
from picture_files import half
from PIL import Image

from zoo_core import TensorSpec, ZooError
from zoo_core.errors import RefusedFileError
from zoo_core.runtime import open_model, read_sequence, vet
from zoo_core.runtime.reading import wire
from zoo_core.runtime.reading.protobuf import bytes_field, number_field, varint
from zoo_core.runtime.reading.tensors import read_tensor_proto
from zoo_core.runtime.vetting import cost
from zoo_core.verification.conclude.structure import Interface, check_structure


def refusal(content: bytes, folder: Path) -> str:
    path = folder / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(RefusedFileError) as caught:
        vet(path)
    return caught.value.message


def test_open_quotes_in_the_metadata_are_refused_at_once_and_stop_no_list(tmp_path: Path, zoo_here: Any) -> None:
    content = hostile.metadata_of_open_quotes(100_000)
    assert "its own description cannot be read: it is not JSON: " in refusal(content, tmp_path)
    folder = tmp_path / "exported" / "hostile"
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(content)
    write_brightness(tmp_path)
    listed: Result = zoo_here("list", "exports", "--json")
    assert listed.code == 0
    assert [row["name"] for row in json.loads(listed.stdout)] == ["brightness", "hostile"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"opset": 10**30}, "the whole number 1" + "0" * 29 + "... has more than 64 bits"),
        ({"metrics": {"accuracy": 10**400}}, "has more than 64 bits"),
        ({"inputs": {"image": {"axes": [2**40, 1, 4, 4]}}}, "inputs: 'image' has more than 268,435,456 numbers"),
        ({"inputs": {"image": {"axes": [f"{10**20}*N", 1, 4, 4]}}}, "cannot read the axis"),
        ({"preprocess": {"resize": [16_000, 16_000]}}, "a picture has at most 50,000,000 pixels, not 256,000,000"),
        ({"preprocess": {"resize": True, "crop": [4, 4]}}, "resize cannot be True"),
        ({"labels": [["a"]]}, "labels are texts"),
    ],
)
def test_huge_numbers_in_the_metadata(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    text = json.dumps({**json.loads(brightness_metadata().to_json()), **changes})
    path = write_model(tmp_path / "model.onnx", brightness_model(), text.replace("1" + "0" * 30, "1" + "0" * 29 + "00"))
    with pytest.raises(RefusedFileError) as caught:
        open_model(path)
    assert words in caught.value.message


def test_a_batch_that_no_memory_holds(tmp_path: Path) -> None:
    specs = {"inputs": {"image": TensorSpec(2**26, 1, "H", "W")}, "outputs": {"logits": TensorSpec(2**26, 3)}}
    model = brightness_model(batch=2**26, side="S")
    path = write_model(tmp_path / "model.onnx", model, brightness_metadata(preprocess=None, **specs))
    with pytest.raises(ZooError, match=r"a batch of 67,108,864 such inputs has over 268,435,456 numbers") as caught:
        open_model(path).run_rows(np.zeros((1, 1, 4, 4), np.float32))
    assert caught.value.exit_code == 1


LIMITED = """
import resource, sys
from pathlib import Path
from zoo_core.cli import main

def predict(name):
    sys.argv = ["zoo", "predict", "brightness", name, "--trusted"]
    try:
        main(watched=False)
    except SystemExit as ended:
        return ended.code

assert predict("small.png") == 0  # what is loaded, is loaded now
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (20 << 20), resource.RLIM_INFINITY))
sys.exit(predict("large.png"))
"""


def test_too_little_memory_is_no_bug_of_ours(tmp_path: Path) -> None:
    write_brightness(tmp_path)
    half(tmp_path / "small.png")
    Image.new("RGB", (7_000, 7_000)).save(tmp_path / "large.png")  # four bytes a pixel while it is read
    command = [sys.executable, "-c", LIMITED]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "Error: there is not enough memory for this\nHint: smaller or fewer files at a time\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            hostile.tensor_of_many_axes(40),
            "it is not an ONNX file, or is damaged: the tensor 'w' has 40",
        ),
        (hostile.value_of_many_axes(40), "the value 'x' has 40 axes, and 32 is the most"),
        (hostile.smallest_nodes(200_001), "refused (too-many-nodes): it has more than 200,000 nodes"),
        (
            hostile.model(
                hostile.graph([hostile.node("Identity", (), (), bytes_field(1, b"f") + bytes_field(7, b"abc"))])
            ),
            "the field floats ends in the middle of a number",
        ),
        (hostile.name_declared_twice(5), "refused (duplicate-name): 'x4' is declared twice"),
        (hostile.switches_of_many_values(1), "refused (training-mode)"),
    ],
    ids=["axes of a tensor", "axes of a value", "nodes", "floats", "names", "switches"],
)
def test_parts_that_no_model_has(content: bytes, words: str, tmp_path: Path) -> None:
    assert words in refusal(content, tmp_path)


def test_lists_of_numbers_count_as_what_they_become(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_ONNX_OBJECTS", 1_000)
    assert "too-many-fields" in refusal(hostile.list_of_numbers(1_000), tmp_path)


@pytest.mark.parametrize("kind", [2, 3, 4], ids=["float", "int", "text"])
def test_attributes_of_another_kind_than_their_operator_has(kind: int, tmp_path: Path) -> None:
    value = {2: b"\x15\0\0\x80\x3f", 3: number_field(3, 1), 4: bytes_field(4, b"text")}[kind]
    nodes = [
        hostile.node("Pad", ["x"], ["a"], bytes_field(1, b"pads") + value),
        hostile.node("Constant", (), ["n"], bytes_field(1, b"value_ints") + value),
        hostile.node("ConstantOfShape", ["n"], ["y"]),
    ]
    path = tmp_path / "model.onnx"
    path.write_bytes(hostile.model(hostile.graph(nodes, inputs=[hostile.value_info("x", 2)])))
    cost.check_cost(wire.read_onnx(path))


@pytest.mark.parametrize("dims", [[2] * 33, [0, 1 << 62, 1 << 62]])
def test_a_test_vector_of_a_shape_that_cannot_exist(dims: list[int]) -> None:
    with pytest.raises(RefusedFileError, match=r"v\.pb.*(axes, and 32 is the most|no array has the shape)"):
        read_tensor_proto(hostile.tensor("x", dims, hostile.FLOAT, b""), where="v.pb")


F4 = "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }"


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (F4 % "(9007199254740992,)", "its header gives it the shape (9007199254740992,)"),
        (F4 % "(1099511627775,)", "its shape (1099511627775,) of float32 needs 4,398,046,511,100 bytes"),
        (F4 % "(-1,)", "its header gives it the shape (-1,)"),
        (F4 % ("(" + "1, " * 40 + ")"), "its header gives it the shape (1, 1,"),
        (F4 % "(0, 1099511627775, 1099511627775)", "its header gives it the shape (0,"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (", "its header is damaged: "),
        ("-" * 9_000, "its header is damaged: "),
        ("(" * 900, "its header is damaged: "),
        ("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "it holds object, not numbers"),
        ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "not numbers"),
    ],
)
def test_odd_headers_of_npy(header: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(hostile.npy(header, bytes(4)))
    with pytest.raises(ZooError) as caught:
        read_sequence(path)
    assert words in caught.value.message
    assert caught.value.exit_code == 1


def test_columns_after_columns_in_an_npy_file(tmp_path: Path) -> None:
    values = np.arange(6, dtype=np.float32).reshape(3, 2)
    np.save(tmp_path / "x.npy", np.asfortranarray(values))
    assert (read_sequence(tmp_path / "x.npy") == values).all()


def test_a_line_of_a_csv_has_an_end(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"1," * (2 << 20) + b"1")
    with pytest.raises(ZooError, match="a line has more than 4,194,304 characters"):
        read_sequence(path)


def test_quoted_numbers_and_names(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('"a, b",c\n"1", 2\r\n\n3,"4"\n')
    assert read_sequence(path).tolist() == [[1, 2], [3, 4]]


@pytest.mark.slow
def test_an_honest_model_of_two_gigabytes_and_50_000_nodes_is_within_every_limit(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    weight = 2_000_000_000  # bytes, which are a hole in this file
    head = hostile.tensor("large", (weight // 4,), hostile.FLOAT, b"")[:-1] + varint(weight)
    body = hostile.layers_graph(50_000) + varint(5 << 3 | 2) + varint(len(head) + weight) + head
    with path.open("wb") as file:
        file.write(number_field(1, 10) + varint(7 << 3 | 2) + varint(len(body) + weight) + body)
        file.seek(weight, os.SEEK_CUR)
        file.write(bytes_field(8, number_field(2, 20)))
    file = vet(path)
    assert len(file.nodes) == 50_000
    assert file.initializers["large"].nbytes == weight
    assert check_structure(file, Interface(inputs={}, outputs={}, opset=20))
