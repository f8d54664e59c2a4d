"""Every refusal as a tiny file: the rule, the words, and that onnxruntime never sees the file."""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_files import brightness_metadata, brightness_model, graph_model, write_model

from zoo_core.errors import RefusedFileError
from zoo_core.runtime.reading import wire
from zoo_core.runtime.vetting.vet import vet

Model = onnx.ModelProto
X = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])
COPY = helper.make_node("Identity", ["x"], ["y"])


def ints(name: str, *numbers: int) -> TensorProto:
    return numpy_helper.from_array(np.array(numbers, np.int64), name)


def floats(name: str, *numbers: float) -> TensorProto:
    return numpy_helper.from_array(np.array(numbers, np.float32), name)


def one_node(
    op_type: str, *inputs: str, tensors: tuple[TensorProto, ...] = (), opset: int = 20, **attributes: object
) -> Model:
    """A model of one node with the input `x`."""
    return graph_model(
        [helper.make_node(op_type, inputs, ["y"], **attributes)], inputs=[X], tensors=tensors, opset=opset
    )


GROWN = "its ConstantOfShape node would make 200,000,000 elements out of constants"


def of_shape(*nodes: onnx.NodeProto, tensor: TensorProto | None = None, more: tuple[TensorProto, ...] = ()) -> Model:
    """Nodes that make a shape `t` of the stored `s`, and a tensor of that shape."""
    made = helper.make_node("ConstantOfShape", ["t"], ["y"])
    return graph_model([*nodes, made], inputs=[X], tensors=[tensor or ints("s", 20_000, 10_000), *more])


def floats_of(name: str, *shape: int) -> TensorProto:
    return numpy_helper.from_array(np.ones(shape, np.float32), name)


def with_zoo(text: str) -> Model:
    model = brightness_model()
    helper.set_model_props(model, {"zoo": text})
    return model


def changed_zoo(**changes: object) -> Model:
    return with_zoo(json.dumps({**json.loads(brightness_metadata().to_json()), **changes}))


def changed(change: Callable[[Model], object]) -> Model:
    model = graph_model([COPY], inputs=[X])
    change(model)
    return model


def stored(change: Callable[[TensorProto], object]) -> Model:
    """A model whose stored tensor was tampered with."""
    tensor = floats("w", 1, 2)
    change(tensor)
    return graph_model([helper.make_node("Identity", ["w"], ["y"])], tensors=[tensor])


def chain(op_type: str, times: int, tensor: TensorProto) -> Model:
    names = ["x", *(f"v{i}" for i in range(times - 1)), "y"]
    nodes = [helper.make_node(op_type, [a, tensor.name], [b]) for a, b in itertools.pairwise(names)]
    return graph_model(nodes, inputs=[X], tensors=[tensor])


def constant_node(*numbers: int) -> Model:
    nodes = [
        helper.make_node("Constant", [], ["shape"], value_ints=numbers),
        helper.make_node("ConstantOfShape", ["shape"], ["y"]),
    ]
    return graph_model(nodes)


def nested_random() -> Model:
    """A random operator hidden in a branch."""
    noise = helper.make_node("RandomNormal", [], ["r"], shape=[2])
    branch = helper.make_graph([noise], "b", [], [helper.make_tensor_value_info("r", TensorProto.FLOAT, None)])
    choice = numpy_helper.from_array(np.array(True), "choice")
    node = helper.make_node("If", ["choice"], ["y"], then_branch=branch, else_branch=branch)
    return graph_model([node], tensors=[choice])


def sparse(shape: list[int]) -> Model:
    value, index = floats("w", 1), ints("", 0)
    model = graph_model([helper.make_node("Identity", ["w"], ["y"])])
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(value, index, shape))
    return model


def function(model: Model) -> None:
    body = [helper.make_node("Identity", ["a"], ["b"])]
    model.functions.append(helper.make_function("custom", "f", ["a"], ["b"], body, [helper.make_opsetid("", 20)]))


def opset(version: int, ir_version: int = 10) -> Callable[[Model], None]:
    def change(model: Model) -> None:
        model.ir_version = ir_version
        model.opset_import[0].version = version

    return change


def set_dim(model: Model) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = -7


REFUSALS: dict[str, tuple[Model, str, str]] = {
    # file, rule, words
    "functions": (changed(function), "functions", "1 local functions"),
    "training info": (changed(lambda m: m.training_info.add()), "training-info", "training graphs"),
    "custom domain": (one_node("Evil", "x", domain="com.evil"), "domain", "of the domain 'com.evil'"),
    "onnxruntime's own domain": (one_node("Gelu", "x", domain="com.microsoft"), "domain", "com.microsoft"),
    "random": (one_node("RandomNormalLike", "x"), "random", "random numbers"),
    "random in a branch": (nested_random(), "random", "RandomNormal"),
    "bernoulli": (one_node("Bernoulli", "x"), "random", "Bernoulli"),
    "dropout in training": (
        one_node("Dropout", "x", "", "t", tensors=(numpy_helper.from_array(np.array(True), "t"),)),
        "training-mode",
        "Dropout",
    ),
    "dropout that an input switches": (
        graph_model(
            [helper.make_node("Dropout", ["x", "", "t"], ["y"])],
            inputs=[X, helper.make_tensor_value_info("t", TensorProto.BOOL, [])],
        ),
        "training-mode",
        "Dropout",
    ),
    "batch norm in training": (
        one_node("BatchNormalization", "x", "w", "w", "w", "w", tensors=(floats("w", 1, 2),), training_mode=1),
        "training-mode",
        "BatchNormalization",
    ),
    "opset of tomorrow": (changed(opset(4000)), "opset", "opset 4000 with IR version 10 is newer"),
    "IR of tomorrow": (changed(opset(20, 900)), "opset", "IR version 900 is newer"),
    "opset of yesterday": (changed(opset(0)), "opset", "never existed"),
    "no opset": (changed(lambda m: m.ClearField("opset_import")), "opset", "does not say"),
    "two opsets": (
        changed(lambda m: m.opset_import.append(helper.make_opsetid("ai.onnx", 12))),
        "opset",
        "two opset versions",
    ),
    "value made twice": (graph_model([COPY, COPY], inputs=[X]), "duplicate-name", "'y' is made twice"),
    "input twice": (graph_model([COPY], inputs=[X, X]), "duplicate-name", "'x' is declared twice"),
    "tensor twice": (
        graph_model([COPY], inputs=[X], tensors=[floats("w", 1), floats("w", 2)]),
        "duplicate-name",
        "'w' is declared twice",
    ),
    "attribute twice": (
        changed(lambda m: m.graph.node[0].attribute.extend([helper.make_attribute("axis", 1)] * 2)),
        "duplicate-name",
        "has an attribute twice",
    ),
    "circle": (
        graph_model([helper.make_node("Add", ["x", "b"], ["y"]), helper.make_node("Relu", ["y"], ["b"])], inputs=[X]),
        "undefined-name",
        "uses 'b' before it is made",
    ),
    "output from nowhere": (
        graph_model([helper.make_node("Relu", ["x"], ["z"])], inputs=[X]),
        "undefined-name",
        "the output 'y' is never made",
    ),
    "negative input size": (changed(set_dim), "shape", "the shape (-7,)"),
    "negative tensor size": (stored(lambda t: t.dims.__setitem__(0, -2)), "tensor-size", "(-2,)"),
    "overflowing tensor": (stored(lambda t: t.dims.extend([1 << 40, 1 << 40])), "tensor-size", "has the shape"),
    "empty but enormous": (stored(lambda t: t.dims.extend([0, 1 << 62])), "tensor-size", "has the shape"),
    "more declared than held": (stored(lambda t: t.dims.append(3)), "tensor-size", "needs 24 bytes, but it has 8"),
    "less declared than held": (stored(lambda t: t.dims.__setitem__(0, 1)), "tensor-size", "needs 4 bytes"),
    "data twice": (stored(lambda t: t.float_data.append(1)), "tensor-size", "two forms"),
    "segmented": (stored(lambda t: t.segment.SetInParent()), "tensor-size", "segments"),
    "wrong attribute tensor": (
        one_node("Constant", value=TensorProto(dims=[9], data_type=1, raw_data=b"1234")),
        "tensor-size",
        "needs 36 bytes",
    ),
    "sparse bomb": (sparse([1 << 20, 1 << 10]), "amplification", "sparse tensor 'w' would grow"),
    "ConstantOfShape": (
        one_node("ConstantOfShape", "s", tensors=(ints("s", 20_000, 10_000),)),
        "amplification",
        "would make 200,000,000 elements out of constants",
    ),
    "Constant node": (constant_node(20_000, 10_000), "amplification", "ConstantOfShape node"),
    "Expand": (one_node("Expand", "x", "s", tensors=(ints("s", 10**9, 2),)), "amplification", "Expand node"),
    "Tile": (one_node("Tile", "x", "r", tensors=(ints("r", 10**9),)), "amplification", "Tile node"),
    "Tiles in a row": (chain("Tile", 6, ints("r", 50)), "amplification", "Tile node"),
    "Concats in a row": (
        graph_model([
            *(helper.make_node("Concat", [n, n], [n + "2"], axis=0) for n in ["x" + "2" * i for i in range(30)]),
            helper.make_node("Identity", ["x" + "2" * 30], ["y"]),
        ], inputs=[X]),
        "amplification",
        "Concat node",
    ),
    "Range": (
        one_node("Range", "a", "b", "c", tensors=tuple(
            numpy_helper.from_array(np.array(v, np.int64), n) for n, v in (("a", 0), ("b", 1 << 40), ("c", 1))
        )),
        "amplification",
        "Range node",
    ),
    "Pad": (one_node("Pad", "x", "p", tensors=(ints("p", 0, 1 << 40),)), "amplification", "Pad node"),
    "Resize by sizes": (
        one_node("Resize", "x", "", "", "s", tensors=(ints("s", 1 << 40),)), "amplification", "Resize node"
    ),
    "Resize by scales": (
        one_node("Resize", "x", "", "s", tensors=(floats("s", 1e12),)), "amplification", "Resize node"
    ),
    "window": (one_node("HannWindow", "n", tensors=(ints("n", 1 << 40),)), "amplification", "HannWindow node"),
    "convolution": (one_node("Conv", "x", "x", pads=[1 << 30, 1 << 30]), "amplification", "has pads of"),
    "a shape behind an Identity": (of_shape(helper.make_node("Identity", ["s"], ["t"])), "amplification", GROWN),
    "a shape behind a Cast": (
        of_shape(helper.make_node("Cast", ["s"], ["t"], to=TensorProto.INT64), tensor=floats("s", 20_000, 10_000)),
        "amplification",
        GROWN,
    ),
    "a shape that is multiplied": (
        of_shape(helper.make_node("Mul", ["s", "s"], ["t"]), tensor=ints("s", 15_000, 1)),
        "amplification",
        "would make 225,000,000 elements",
    ),
    "a shape that is joined": (
        of_shape(helper.make_node("Concat", ["s", "s"], ["t"], axis=0), tensor=ints("s", 15_000)),
        "amplification",
        "would make 225,000,000 elements",
    ),
    "a shape of a shape": (
        of_shape(
            helper.make_node("Shape", ["x"], ["n"]),
            helper.make_node("Add", ["n", "s"], ["n2"]),
            helper.make_node("Gather", ["n2", "zero"], ["n3"]),
            helper.make_node("Slice", ["n3", "zero", "one", "zero"], ["n4"]),
            helper.make_node("ReduceProd", ["n4"], ["n5"], keepdims=1),
            helper.make_node("Reshape", ["n5", "minus"], ["t"]),
            tensor=ints("s", 1 << 40),
            more=(ints("zero", 0), ints("one", 1), ints("minus", -1)),
        ),
        "amplification",
        "ConstantOfShape node",
    ),
    "an outer sum": (
        graph_model(
            [helper.make_node("Transpose", ["w"], ["v"]), helper.make_node("Add", ["w", "v"], ["y"])],
            inputs=[X],
            tensors=[floats_of("w", 20_000, 1)],
        ),
        "amplification",
        "its Add node would make 400,000,000 elements",
    ),
    "an outer product": (
        graph_model(
            [helper.make_node("Transpose", ["w"], ["v"]), helper.make_node("MatMul", ["w", "v"], ["y"])],
            inputs=[X],
            tensors=[floats_of("w", 20_000, 1)],
        ),
        "amplification",
        "its MatMul node would make 400,000,000 elements",
    ),
    "strides of a transposed convolution": (
        one_node("ConvTranspose", "x", "x", strides=[60_000, 60_000]), "amplification", "its ConvTranspose node"
    ),
    "pads of a convolution": (
        one_node("Conv", "x", "x", pads=[30_000] * 4), "amplification", "its Conv node would make 3,600,120,001"
    ),
    "many at a time": (
        graph_model(
            [
                *(helper.make_node("ConstantOfShape", ["s"], [f"y{number}"]) for number in range(9)),
                helper.make_node("Sum", [f"y{number}" for number in range(9)], ["y"]),
            ],
            inputs=[X],
            tensors=[ints("s", 1 << 26)],
        ),
        "amplification",
        "elements together",
    ),
    "too many metadata": (
        changed(lambda m: helper.set_model_props(m, {f"k{i}": "" for i in range(65)})), "metadata-keys", "65 metadata"
    ),
    "metadata twice": (
        changed(lambda m: [m.metadata_props.add(key="a", value=v) for v in "12"]), "metadata-keys", "appears twice"
    ),
    "large metadata": (
        changed(lambda m: helper.set_model_props(m, {"k": "x" * (1 << 20)})), "metadata-size", "1,048,577 bytes"
    ),
    "large zoo metadata": (with_zoo('{"a": "' + "x" * 262_144 + '"}'), "metadata", "more than the 262,144"),
    "deep metadata": (with_zoo("[" * 100_000), "metadata", "nested more than 16 deep"),
    "no JSON": (with_zoo("{'a': 1}"), "metadata", "it is not JSON"),
    "JSON list": (with_zoo("[1]"), "metadata", "it is a list, not an object"),
    "key twice": (with_zoo('{"schema": 1, "schema": 1}'), "metadata", "the key 'schema' appears twice"),
    "NaN": (with_zoo('{"schema": NaN}'), "metadata", "NaN is not a number"),
    "infinite": (with_zoo('{"schema": 1e999}'), "metadata", "1e999 is not a finite number"),
    "terminal escape": (changed_zoo(labels=["a", "b", "\x1b[2J"]), "metadata", "control characters"),
    "writing turned round": (changed_zoo(labels=["a", "b", "gpj\u202e"]), "metadata", "control characters"),
    "schema of tomorrow": (changed_zoo(schema=2), "metadata", "schema 2, and this zoo reads up to 1"),
    "control characters in a name": (
        graph_model([helper.make_node("Identity", ["x"], ["y"], name="a\x1b]0;b\x07")], inputs=[X]),
        "control-characters",
        "holds control characters",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_refused(case: str, tmp_path: Path) -> None:
    model, rule, words = REFUSALS[case]
    path = write_model(tmp_path / "model.onnx", model)
    with pytest.raises(RefusedFileError) as caught:
        vet(path)
    assert f"model.onnx was refused ({rule}): " in caught.value.message
    assert words in caught.value.message
    assert caught.value.exit_code == 4


def test_every_named_reason_has_a_file() -> None:
    sources = Path(wire.__file__).parents[1].rglob("*.py")
    reasons = {
        name for source in sources for name in re.findall(r'refused\(\s*[\w.]+,\s*"([a-z-]+)"', source.read_text())
    }
    tests = "".join(
        Path(__file__).with_name(name).read_text()
        for name in ("test_vet.py", "test_wire.py", "test_tensors.py", "test_graph_wire.py")
    )
    assert len(reasons) > 15
    assert {reason for reason in reasons if reason not in tests} == set()


HARMLESS: dict[str, Model] = {
    "classifier": brightness_model(),
    "with metadata": with_zoo(brightness_metadata().to_json()),
    "other people's metadata": changed(lambda m: helper.set_model_props(m, {"stack": "File\n\tline 1"})),
    "dropout for inference": one_node("Dropout", "x"),
    "dropout switched off": one_node("Dropout", "x", "", "t", tensors=(numpy_helper.from_array(np.array(False), "t"),)),
    "ConstantOfShape": one_node("ConstantOfShape", "s", tensors=(ints("s", 1000, 1000),)),
    "Upsampling": chain("Tile", 3, ints("r", 4)),
    "sparse": sparse([8, 8]),
    "unused opset": changed(lambda m: m.opset_import.append(helper.make_opsetid("pkg.torch", 1))),
}


@pytest.mark.parametrize("case", HARMLESS)
def test_not_refused(case: str, tmp_path: Path) -> None:
    path = write_model(tmp_path / "model.onnx", HARMLESS[case])
    assert vet(path).path == path


def test_a_large_weight_is_no_amplification(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo_core.runtime.vetting.cost.MAX_ELEMENTS", 10)
    weight = numpy_helper.from_array(np.ones((100, 100), np.float32), "w")
    vet(write_model(tmp_path / "m.onnx", one_node("Transpose", "w", tensors=(weight,))))


def test_too_many_nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo_core.runtime.vetting.vet.MAX_NODES", 3)
    with pytest.raises(RefusedFileError, match=r"refused \(too-many-nodes\): it has 6 nodes"):
        vet(write_model(tmp_path / "m.onnx", chain("Tile", 6, ints("r", 1))))


# -- data outside the file -------------------------------------------------------------------------------------


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
