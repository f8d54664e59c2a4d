"""How a file is built: what is refused as a tiny file, by which rule and in which words; and what is harmless."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_files import brightness_metadata, brightness_model, graph_model, write_model
from vetted import (
    COPY,
    Model,
    X,
    chain,
    changed,
    check_refused,
    floats,
    function,
    ints,
    nested_random,
    one_node,
    opset,
    set_dim,
    sparse,
    stored,
    with_zoo,
)

from zoo_core.errors import RefusedFileError
from zoo_core.runtime.reading import wire
from zoo_core.runtime.vetting.vet import vet

REFUSALS: dict[str, tuple[Model, str, str]] = {
    # file, rule, words
    "functions": (changed(function), "functions", "1 local function"),
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
    "control characters in a name": (
        graph_model([helper.make_node("Identity", ["x"], ["y"], name="a\x1b]0;b\x07")], inputs=[X]),
        "control-characters",
        "holds control characters",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_refused(case: str, tmp_path: Path) -> None:
    model, rule, words = REFUSALS[case]
    check_refused(tmp_path, model, rule=rule, words=words)


def test_every_named_reason_has_a_file() -> None:
    sources = Path(wire.__file__).parents[1].rglob("*.py")
    reasons = {
        name for source in sources for name in re.findall(r'refused\(\s*[\w.]+,\s*"([a-z-]+)"', source.read_text())
    }
    here = Path(__file__).parent
    others = (
        "test_wire.py",
        "test_tensors.py",
        "test_graph_wire.py",
        "test_edited_words.py",
        "../export/test_recipe_files.py",
    )
    tests = "".join(path.read_text() for path in (*here.glob("test_vet*.py"), *map(here.joinpath, others)))
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


def test_too_many_nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo_core.runtime.vetting.vet.MAX_NODES", 3)
    with pytest.raises(RefusedFileError, match=r"refused \(too-many-nodes\): it has 6 nodes"):
        vet(write_model(tmp_path / "m.onnx", chain("Tile", 6, ints("r", 1))))
