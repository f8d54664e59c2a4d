"""Faults planted deep in resnet18: the guilty node, its module and its line are named, and nobody else's."""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnx_ir
import pytest
import torch
import torchvision
from checking import plan_for
from onnx import helper, numpy_helper
from torch import nn

from zoo_core.export.blame.blame import PLAIN, Blame, blame, node_errors
from zoo_core.export.bundle import reference_of
from zoo_core.export.convert.convert import convert
from zoo_core.export.convert.program import Converted, without_optimizer
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.runtime.reading.wire import read_onnx
from zoo_core.verification.subject.subject import DEFAULT_SETTINGS, Setting

SIDE = 64
Change = Callable[[onnx.ModelProto], None]


def _line(text: str) -> str:
    """The line of torchvision's resnet.py, in BasicBlock, that holds this text."""
    lines, first = inspect.getsourcelines(torchvision.models.resnet.BasicBlock.forward)
    return f"torchvision/models/resnet.py:{first + next(n for n, line in enumerate(lines) if text in line)}"


def _resnet18() -> nn.Module:
    return torchvision.models.resnet18(weights=None)


def _healthy_checkpoint() -> dict[str, torch.Tensor]:
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        module = _resnet18().train()
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.reset_running_stats()
                part.momentum = None
        module(torch.rand(4, 3, SIDE, SIDE))
    return module.state_dict()


@dataclass(frozen=True, kw_only=True)
class Case:
    plan: ExportPlan
    module: nn.Module
    inputs: dict[str, np.ndarray]
    expected: dict[str, np.ndarray]
    plain: Converted
    optimised: Converted

    def blame(self, folder: Path, change: Change, *, optimised: bool = True, setting: Setting = PLAIN) -> Blame:
        converted = self.optimised if optimised else self.plain
        model = copy.deepcopy(converted.model)
        change(model)
        path = folder / "model.onnx"
        path.write_bytes(model.SerializeToString())
        return blame(path, converted.traced, inputs=self.inputs, expected=self.expected, setting=setting)


@pytest.fixture(scope="module")
def resnet18() -> Case:
    plan = plan_for(_resnet18, shape=(3, SIDE, SIDE), classes=1000, checkpoint=_healthy_checkpoint(), validation=False)
    reference = reference_of(plan)
    inputs = {"image": np.random.default_rng(0).random((2, 3, SIDE, SIDE)).astype(np.float32)}
    return Case(
        plan=plan,
        module=reference.module,
        inputs=inputs,
        expected=reference.run(inputs).float64,
        plain=without_optimizer(convert(plan, reference.module)),
        optimised=convert(plan, reference.module),
    )


def _weight(name: str, how: Callable[[np.ndarray], np.ndarray]) -> Change:
    def change(model: onnx.ModelProto) -> None:
        tensor = next(t for t in model.graph.initializer if t.name == name)
        tensor.CopyFrom(numpy_helper.from_array(how(numpy_helper.to_array(tensor)).copy(), tensor.name))

    return change


def _reading(model: onnx.ModelProto, initializer: str) -> onnx.NodeProto:
    return next(node for node in model.graph.node if node.op_type == "Conv" and initializer in node.input)


def _conv(model: onnx.ModelProto) -> onnx.NodeProto:
    return _reading(model, "layer3.1.conv2.weight")


def _relu_before_conv2(model: onnx.ModelProto) -> onnx.NodeProto:
    return next(node for node in model.graph.node if node.output[0] == _conv(model).input[0])


def _relu_off(model: onnx.ModelProto) -> None:
    _relu_before_conv2(model).op_type = "Identity"


def _relu_gone(model: onnx.ModelProto) -> None:
    relu = _relu_before_conv2(model)
    for node in model.graph.node:
        names = [relu.input[0] if name == relu.output[0] else name for name in node.input]
        node.input[:] = names
    model.graph.node.remove(relu)


def _attribute(name: str, value: object) -> Change:
    def change(model: onnx.ModelProto) -> None:
        node = _conv(model)
        kept = [attribute for attribute in node.attribute if attribute.name != name]
        del node.attribute[:]
        node.attribute.extend([*kept, helper.make_attribute(name, value)])

    return change


def _not_a_number(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flat[3] = np.nan
    return array


def _unknown_operator(model: onnx.ModelProto) -> None:
    _conv(model).op_type = "Convolute"


CONV, RELU = "out = self.conv2(out)", "out = self.relu(out)"

DEEP: dict[str, tuple[Change, str, str, str]] = {
    "weight times 1.001": (_weight("layer3.1.conv2.weight", lambda a: a * np.float32(1.001)), "conv2", "Conv", CONV),
    "weight zeroed": (_weight("layer3.1.conv2.weight", np.zeros_like), "conv2", "Conv", CONV),
    "NaN in a weight": (_weight("layer3.1.conv2.weight", _not_a_number), "conv2", "Conv", CONV),
    "relu replaced": (_relu_off, "relu", "Identity", RELU),
    "relu removed": (_relu_gone, "relu", "Conv", RELU),
    "padding that cannot run": (_attribute("pads", [0, 0, 0, 0]), "conv2", "Conv", CONV),
    "padding on one side": (_attribute("pads", [0, 0, 2, 2]), "conv2", "Conv", CONV),
    "an operator that there is not": (_unknown_operator, "conv2", "Convolute", CONV),
}


CASES = [
    (fault, optimised)
    for optimised, faults in {True: tuple(DEEP), False: ("weight times 1.001", "relu replaced", "relu removed")}.items()
    for fault in faults
]
FOUND_ALIKE = {("weight zeroed", True), ("padding on one side", True), ("weight times 1.001", False)}
"""By the same way as another one: a weight that is not what it was, in a node that runs."""


@pytest.mark.parametrize(
    ("fault", "optimised"),
    [pytest.param(*case, marks=pytest.mark.slow if case in FOUND_ALIKE else ()) for case in CASES],
    ids=lambda part: {True: "optimised", False: "plain"}.get(part),
)
def test_the_guilty_node_is_named(fault: str, optimised: bool, resnet18: Case, tmp_path: Path) -> None:
    change, module, op_type, code = DEEP[fault]
    found = resnet18.blame(tmp_path, change, optimised=optimised)
    assert found.guilty is not None, found.text
    assert found.guilty.module == f"layer3.1.{module}", found.text
    assert found.guilty.op_type == op_type
    assert found.guilty.source == _line(code)
    assert found.text.startswith(f"first at node {found.guilty.node} ({op_type}) of layer3.1.{module}")
    assert str(Path(torchvision.__file__).parent) not in found.text
    assert not found.guilty.error <= found.guilty.bound
    if fault == "padding that cannot run":
        assert "its shape is (2, 256, 2, 2), not (2, 256, 4, 4)" in found.text


def test_how_much_is_said_in_the_text(resnet18: Case, tmp_path: Path) -> None:
    change = DEEP["weight times 1.001"][0]
    text = resnet18.blame(tmp_path, change).text
    place = re.escape(f"(Conv) of layer3.1.conv2 and layer3.1.bn2, {_line(CONV)}")
    found = re.fullmatch(rf"first at node \S+ {place}: off by (\S+), (\S+) times its rounding floor", text)
    assert found, text
    assert float(found[1]) > 1e-4
    assert float(found[2]) > 100


@pytest.mark.parametrize("setting", DEFAULT_SETTINGS, ids=str)
def test_nobody_is_guilty_in_a_healthy_file(setting: Setting, resnet18: Case, tmp_path: Path) -> None:
    found = resnet18.blame(tmp_path, lambda model: None, setting=setting)
    assert found.guilty is None
    assert "are within their bounds" in found.text
    assert "onnxruntime's own optimisations, or in a node after the last one" in found.text


def test_a_sabotaged_exporter_is_blamed_through_the_optimiser(
    resnet18: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = torch.onnx.export

    def sabotaged(*arguments: object, **options: object) -> object:
        program = honest(*arguments, **options)
        value = program.model.graph.initializers["layer3.1.conv2.weight"]
        value.const_value = onnx_ir.tensor(value.const_value.numpy() * np.float32(1.01), name=value.name)
        return program

    monkeypatch.setattr(torch.onnx, "export", sabotaged)
    converted = convert(resnet18.plan, resnet18.module)
    path = tmp_path / "model.onnx"
    path.write_bytes(converted.model.SerializeToString())
    found = blame(path, converted.traced, inputs=resnet18.inputs, expected=resnet18.expected)
    assert found.guilty is not None
    assert found.guilty.modules == ("layer3.1.conv2", "layer3.1.bn2")
    assert found.guilty.source == _line(CONV)


def test_errors_of_the_nodes(resnet18: Case, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    for converted in (resnet18.plain, resnet18.optimised):
        path.write_bytes(converted.model.SerializeToString())
        row = {"image": resnet18.inputs["image"][:1]}
        errors = node_errors(read_onnx(path), converted.traced, inputs=row)
        compared = [n for n in converted.model.graph.node if n.op_type in {"Conv", "Relu", "Add", "Gemm", "MaxPool"}]
        assert {node.name for node in compared} <= set(errors)
        assert all(error.within for error in errors.values())
        assert any(error.error > 0 for error in errors.values())
        assert errors == node_errors(read_onnx(path), converted.traced, inputs=row)


def test_there_is_nothing_to_compare(resnet18: Case, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(resnet18.optimised.model.SerializeToString())
    file = read_onnx(path)
    assert node_errors(file, None, inputs=resnet18.inputs) == {}
    assert "TorchScript" in blame(path, None, inputs=resnet18.inputs).text
    for damage in (b"this is no model", b""):
        path.write_bytes(damage)
        assert node_errors(file, resnet18.optimised.traced, inputs=resnet18.inputs) == {}
        found = blame(path, resnet18.optimised.traced, inputs=resnet18.inputs)
        assert found.guilty is None
        assert found.text


def test_weights_in_a_second_file(resnet18: Case, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    model = copy.deepcopy(resnet18.optimised.model)
    onnx.save_model(model, str(path), save_as_external_data=True, location="weights.data")
    assert node_errors(read_onnx(path), resnet18.optimised.traced, inputs=resnet18.inputs) == {}
    assert "second file" in blame(path, resnet18.optimised.traced, inputs=resnet18.inputs).text


class TwoOutputs(nn.Module):
    """Small, with two outputs, a choice by index, and whole numbers on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.GELU())
        self.left, self.right = nn.Linear(8, 5), nn.Linear(8, 5)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.body(image)
        best = features.mean((2, 3))
        where = features.flatten(2).argmax(2)
        picked = features.flatten(2).gather(2, where.unsqueeze(2)).squeeze(2)
        return self.left(best), self.right(picked)


def _program(module: nn.Module, outputs: list[str], path: Path) -> tuple[object, onnx.ModelProto]:
    with torch.no_grad():
        program = torch.onnx.export(
            module.eval().requires_grad_(False),
            (torch.rand(3, 3, 16, 16),),
            dynamo=True,
            input_names=["image"],
            output_names=outputs,
            dynamic_shapes=({0: "N"},),
            verbose=False,
        )
    path.write_bytes(program.model_proto.SerializeToString())
    return program.exported_program, program.model_proto


def test_a_model_with_two_outputs(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    torch.manual_seed(0)
    traced, model = _program(TwoOutputs(), ["left", "right"], path)
    image = {"image": np.random.default_rng(1).random((2, 3, 16, 16)).astype(np.float32)}
    assert blame(path, traced, inputs=image).guilty is None
    _weight("right.weight", lambda a: a * np.float32(1.01))(model)
    path.write_bytes(model.SerializeToString())
    found = blame(path, traced, inputs=image, setting=PLAIN)
    assert found.guilty is not None, found.text
    assert found.guilty.module == "right"
    assert found.guilty.source.startswith("test_blame.py:")
    node = next(node for node in model.graph.node if node.op_type == "ArgMax")
    node.op_type = "ArgMin"
    path.write_bytes(model.SerializeToString())
    found = blame(path, traced, inputs=image)
    assert found.guilty is not None, found.text
    assert found.guilty.op_type == "ArgMin"
    assert found.guilty.floors == np.inf
    assert "of the model itself, test_blame.py:" in found.text


class OtherInTheTrace(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 4)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        found = self.fc(image.mean((2, 3)))
        return found * 1.001 if torch.compiler.is_compiling() else found


def test_a_fault_in_the_trace_alone(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    module = OtherInTheTrace()
    traced, _ = _program(module, ["logits"], path)
    image = {"image": np.random.default_rng(1).random((2, 3, 16, 16)).astype(np.float32)}
    with torch.no_grad():
        expected = {"logits": copy.deepcopy(module).double()(torch.from_numpy(image["image"]).double()).numpy()}
    found = blame(path, traced, inputs=image, expected=expected)
    assert found.guilty is None
    assert (
        "torch.export captured something other than what the module computes (logits of the traced program"
        in found.text
    )
