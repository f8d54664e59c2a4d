"""Faults planted in a written file: the check must fail on every one of them, and pass the healthy file."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from checking import Prepared, plan_for, prepare
from onnx import helper, numpy_helper

from zoo_core.registry import open_zoo


@pytest.fixture(scope="module")
def healthy() -> Prepared:
    lenet5 = open_zoo().model("lenet5")
    return prepare(plan_for(lambda: lenet5.build(), shape=(1, 28, 28), classes=10))


def _weight(model: onnx.ModelProto, place: int) -> onnx.TensorProto:
    big = [tensor for tensor in model.graph.initializer if len(tensor.dims) > 1]
    return big[place]


def _bias(model: onnx.ModelProto, place: int) -> onnx.TensorProto:
    return [t for t in model.graph.initializer if len(t.dims) == 1 and t.data_type == onnx.TensorProto.FLOAT][place]


def _change(tensor: onnx.TensorProto, how: Callable[[np.ndarray], np.ndarray]) -> None:
    tensor.CopyFrom(numpy_helper.from_array(how(numpy_helper.to_array(tensor)).copy(), tensor.name))


def _node(model: onnx.ModelProto, op_type: str) -> onnx.NodeProto:
    return next(node for node in model.graph.node if node.op_type == op_type)


def _attribute(node: onnx.NodeProto, name: str, value: object) -> None:
    kept = [attribute for attribute in node.attribute if attribute.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute(name, value)])


def _one_element(model: onnx.ModelProto) -> None:
    def change(array: np.ndarray) -> np.ndarray:
        array = array.copy()
        array.flat[0] = np.nextafter(array.flat[0], np.float32(9))
        return array

    _change(_weight(model, 1), change)


def _bfloat16(model: onnx.ModelProto) -> None:
    _change(_weight(model, 2), lambda a: (a.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32))


def _rename_output_of_last(model: onnx.ModelProto, new: str) -> onnx.NodeProto:
    last = model.graph.node[-1]
    last.output[0] = new
    return last


def _append(model: onnx.ModelProto, *nodes: onnx.NodeProto) -> None:
    model.graph.node.extend(nodes)


def _leak(model: onnx.ModelProto) -> None:
    _rename_output_of_last(model, "before")
    axes = numpy_helper.from_array(np.array([0]), "leak_axes")
    small = numpy_helper.from_array(np.array(1e-3, dtype=np.float32), "leak_small")
    model.graph.initializer.extend([axes, small])
    _append(
        model,
        helper.make_node("ReduceMean", ["before", "leak_axes"], ["mean"], name="mean"),
        helper.make_node("Mul", ["mean", "leak_small"], ["part"], name="part"),
        helper.make_node("Add", ["before", "part"], ["logits"], name="leak"),
    )


def _constant_output(model: onnx.ModelProto) -> None:
    _rename_output_of_last(model, "before")
    zero = numpy_helper.from_array(np.array(0, dtype=np.float32), "zero")
    model.graph.initializer.append(zero)
    _append(model, helper.make_node("Mul", ["before", "zero"], ["logits"], name="nothing"))


def _nan_output(model: onnx.ModelProto) -> None:
    _rename_output_of_last(model, "before")
    model.graph.initializer.append(numpy_helper.from_array(np.array(np.nan, dtype=np.float32), "nan"))
    _append(model, helper.make_node("Add", ["before", "nan"], ["logits"], name="nan"))


def _rows_rolled(model: onnx.ModelProto) -> None:
    _rename_output_of_last(model, "before")
    index = numpy_helper.from_array(np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 0]), "index")
    model.graph.initializer.append(index)
    _append(model, helper.make_node("Gather", ["before", "index"], ["logits"], axis=1, name="rolled"))


def _batch_baked(model: onnx.ModelProto) -> None:
    # The Reshape before the first fully connected layer, with the traced batch instead of -1 or 0.
    node = _node(model, "Reshape")
    shape = next(t for t in model.graph.initializer if t.name == node.input[1])
    _change(shape, lambda a: np.array([2, *a[1:]], dtype=np.int64))


def _dropout(model: onnx.ModelProto) -> None:
    _rename_output_of_last(model, "before")
    ratio = numpy_helper.from_array(np.array(0.5, dtype=np.float32), "ratio")
    training = numpy_helper.from_array(np.array(True), "training")
    model.graph.initializer.extend([ratio, training])
    _append(model, helper.make_node("Dropout", ["before", "ratio", "training"], ["logits"], name="dropout"))


def _noise(model: onnx.ModelProto) -> None:
    _rename_output_of_last(model, "before")
    _append(
        model,
        helper.make_node("RandomNormalLike", ["before"], ["noise"], name="noise", scale=1e-9),
        helper.make_node("Add", ["before", "noise"], ["logits"], name="noisy"),
    )


def _average_pool(model: onnx.ModelProto) -> None:
    node = _node(model, "MaxPool")
    node.op_type = "AveragePool"
    kept = [attribute for attribute in node.attribute if attribute.name not in {"dilations", "storage_order"}]
    del node.attribute[:]
    node.attribute.extend(kept)


def _relu_removed(model: onnx.ModelProto) -> None:
    _node(model, "Relu").op_type = "Identity"


def _second_output(model: onnx.ModelProto) -> None:
    extra = copy.deepcopy(model.graph.output[0])
    extra.name = "again"
    model.graph.output.append(extra)
    _append(model, helper.make_node("Identity", ["logits"], ["again"], name="again"))


def _renamed_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].name = "picture"
    _node(model, "Conv").input[0] = "picture"


def _fixed_axis(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2


def _metadata(model: onnx.ModelProto, change: Callable[[dict], None]) -> None:
    prop = next(prop for prop in model.metadata_props if prop.key == "zoo")
    data = json.loads(prop.value)
    change(data)
    prop.value = json.dumps(data)


def _loose_self_test(data: dict) -> None:
    data["self_test"]["outputs"]["logits"]["bound"] *= 1e6


def _opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 19


FAULTS: dict[str, Callable[[onnx.ModelProto], None]] = {
    "one element moved by one bit": _one_element,
    "weight zeroed": lambda m: _change(_weight(m, 0), np.zeros_like),
    "weight times 1.01": lambda m: _change(_weight(m, 0), lambda a: a * np.float32(1.01)),
    "weight times 1.001": lambda m: _change(_weight(m, 3), lambda a: a * np.float32(1.001)),
    "weight with its sign flipped": lambda m: _change(_weight(m, 4), np.negative),
    "weight rows swapped": lambda m: _change(_weight(m, 4), lambda a: a[::-1]),
    "bias dropped": lambda m: _change(_bias(m, 0), np.zeros_like),
    "bias shifted by 1e-3": lambda m: _change(_bias(m, 4), lambda a: a + np.float32(1e-3)),
    "bfloat16 rounding": _bfloat16,
    "padding": lambda m: _attribute(_node(m, "Conv"), "pads", [1, 1, 3, 3]),
    "pooling window": lambda m: _attribute(_node(m, "MaxPool"), "kernel_shape", [1, 1]),
    "average instead of maximum": _average_pool,
    "relu removed": _relu_removed,
    "rows of a batch leak": _leak,
    "batch baked in": _batch_baked,
    "logits rolled": _rows_rolled,
    "constant output": _constant_output,
    "NaN output": _nan_output,
    "dropout left in": _dropout,
    "random numbers": _noise,
    "second output": _second_output,
    "input renamed": _renamed_input,
    "batch axis fixed": _fixed_axis,
    "another opset": _opset,
    "labels reversed in the metadata": lambda m: _metadata(m, lambda data: data["labels"].reverse()),
    "another source in the metadata": lambda m: _metadata(m, lambda data: data.update(source="elsewhere")),
    "a self-test that allows anything": lambda m: _metadata(m, _loose_self_test),
    "no metadata": lambda m: m.ClearField("metadata_props"),
}


def test_the_healthy_file_is_verified(healthy: Prepared, tmp_path: Path) -> None:
    verdict = healthy.judge(copy.deepcopy(healthy.model), tmp_path)
    assert verdict.outcome == "verified", verdict.checks
    assert {"structure", "onnx.checker", "weights", "values", "sensitivity", "decisions", "self-test", "dataset"} <= {
        check.rule for check in verdict.checks
    }
    assert [output.name for output in verdict.outputs] == ["logits"]
    assert 0 < verdict.outputs[0].error <= verdict.outputs[0].bound


@pytest.mark.parametrize("fault", FAULTS)
def test_every_planted_fault_is_found(fault: str, healthy: Prepared, tmp_path: Path) -> None:
    model = copy.deepcopy(healthy.model)
    FAULTS[fault](model)
    verdict = healthy.judge(model, tmp_path)
    assert verdict.outcome == "failed", verdict.checks


VALUE_FAULTS = [
    "weight zeroed",
    "weight times 1.001",
    "bias shifted by 1e-3",
    "bfloat16 rounding",
    "relu removed",
    "rows of a batch leak",
    "logits rolled",
]


@pytest.mark.parametrize("fault", VALUE_FAULTS)
def test_the_values_alone_find_it(fault: str, healthy: Prepared, tmp_path: Path) -> None:
    """The comparison with float64 is no passenger: it fails where the comparison of weights would not be asked."""
    model = copy.deepcopy(healthy.model)
    FAULTS[fault](model)
    verdict = healthy.judge(model, tmp_path)
    failed = {check.rule for check in verdict.checks if check.outcome == "failed"}
    assert "values" in failed, verdict.checks
