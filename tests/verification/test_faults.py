"""Faults that the library of mutants does not plant: the check of a written LeNet-5 must fail on each of them."""

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


def _rename_output_of_last(model: onnx.ModelProto, new: str) -> onnx.NodeProto:
    last = model.graph.node[-1]
    last.output[0] = new
    return last


def _append(model: onnx.ModelProto, *nodes: onnx.NodeProto) -> None:
    model.graph.node.extend(nodes)


def _rows_rolled(model: onnx.ModelProto) -> None:
    _rename_output_of_last(model, "before")
    index = numpy_helper.from_array(np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 0]), "index")
    model.graph.initializer.append(index)
    _append(model, helper.make_node("Gather", ["before", "index"], ["logits"], axis=1, name="rolled"))


def _noise(model: onnx.ModelProto) -> None:
    _rename_output_of_last(model, "before")
    _append(
        model,
        helper.make_node("RandomNormalLike", ["before"], ["noise"], name="noise", scale=1e-9),
        helper.make_node("Add", ["before", "noise"], ["logits"], name="noisy"),
    )


def _renamed_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].name = "picture"
    _node(model, "Conv").input[0] = "picture"


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
    "weight rows swapped": lambda m: _change(_weight(m, 4), lambda a: a[::-1]),
    "pooling window": lambda m: _attribute(_node(m, "MaxPool"), "kernel_shape", [1, 1]),
    "logits rolled": _rows_rolled,
    "random numbers": _noise,
    "input renamed": _renamed_input,
    "another opset": _opset,
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


@pytest.mark.parametrize("fault", ["weight rows swapped", "pooling window", "logits rolled"])
def test_the_values_alone_find_it(fault: str, healthy: Prepared, tmp_path: Path) -> None:
    """The comparison with float64 is no passenger: it fails where the comparison of weights would not be asked."""
    model = copy.deepcopy(healthy.model)
    FAULTS[fault](model)
    verdict = healthy.judge(model, tmp_path)
    failed = {check.rule for check in verdict.checks if check.outcome == "failed"}
    assert "values" in failed, verdict.checks
