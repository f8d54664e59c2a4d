"""Ordinary architectures: the check must not reject them. And models that only look ordinary: it must."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import torch
from checking import plan_for, prepare
from healthy_models import HEALTHY, settled
from onnx import numpy_helper
from torch import Tensor, nn

from zoo_core.errors import NotVerifiedError

LIKE_ANOTHER = {"bidirectional gru": "lstm"}
"""Those that the check takes the same way as another one."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in LIKE_ANOTHER else ()) for name in HEALTHY]
)
def test_an_ordinary_model_is_verified(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    build = HEALTHY[name]
    prepared = prepare(plan_for(build, checkpoint=settled(build()).state_dict()))
    verdict = prepared.judge(prepared.model, tmp_path)
    assert verdict.outcome == "verified", [check for check in verdict.checks if check.outcome != "passed"]


def test_a_thousand_classes_are_no_reason_to_fail(tmp_path: Path) -> None:
    def build() -> nn.Module:
        layers = [nn.Flatten(), nn.Linear(768, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1000)]
        for layer in layers[1::2]:
            nn.init.kaiming_normal_(layer.weight)
        return nn.Sequential(*layers)

    torch.manual_seed(0)
    prepared = prepare(plan_for(build, classes=1000))
    assert prepared.judge(prepared.model, tmp_path).outcome == "verified"


@pytest.mark.parametrize(
    "name", ["conv bn", "two bn after a conv", "grouped transposed conv bn", "one bn for two convs"]
)
def test_a_fold_that_is_wrong_in_one_number_is_found(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    build = HEALTHY[name]
    prepared = prepare(plan_for(build, checkpoint=settled(build()).state_dict()))
    model = copy.deepcopy(prepared.model)
    weights = [tensor for tensor in model.graph.initializer if len(tensor.dims) == 4]
    array = numpy_helper.to_array(weights[-1]).copy()
    array.flat[-1] *= 1.0001
    weights[-1].CopyFrom(numpy_helper.from_array(array, weights[-1].name))
    verdict = prepared.judge(model, tmp_path)
    failed = {check.rule for check in verdict.checks if check.outcome == "failed"}
    assert "weights" in failed, verdict.checks


class Drawn(nn.Module):
    """A constant that the builder draws and the weights do not hold: two builds are two models."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(768, 5)
        self.noise = torch.rand(5) * 1e-3

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.flatten(1)) + self.noise


class Cancelled(nn.Module):
    """All digits of the result are lost in float32."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(768, 5)

    def forward(self, x: Tensor) -> Tensor:
        return (self.fc(x.flatten(1)) + 1e6) - 1e6


CACHED = nn.Sequential(nn.Flatten(), nn.Linear(768, 5))


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (Drawn, "two builds differ in logits, even in eval mode"),
        (Cancelled, "in float32 is .* of its size away from float64, in PyTorch itself"),
        (lambda: CACHED, "the builder gives the same module each time"),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(7, 5)), "the model fails on image"),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(768, 5)).bfloat16(), "2 parameters are bfloat16"),
    ],
    ids=["drawn", "cancelled", "cached", "wrong size", "bfloat16"],
)
def test_a_model_that_is_no_reference(build: Callable[[], nn.Module], text: str) -> None:
    with pytest.raises(NotVerifiedError, match=text):
        prepare(plan_for(build))


def test_weights_under_other_names_do_not_escape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exporter renames tensors and rounds them a little, too little for the values to show."""
    honest = torch.onnx.export

    def sabotaged(*arguments: object, **options: object) -> object:
        import numpy as np
        import onnx_ir

        program = honest(*arguments, **options)
        initializers = program.model.graph.initializers
        for name in [name for name in initializers if name.endswith("weight")][1:]:
            value = initializers.pop(name)
            bits = value.const_value.numpy().view(np.uint32) & np.uint32(0xFFFFFFE0)
            value.name = f"{name}_q"
            value.const_value = onnx_ir.tensor(bits.view(np.float32), name=value.name)
            initializers[value.name] = value
        return program

    monkeypatch.setattr(torch.onnx, "export", sabotaged)
    prepared = prepare(plan_for(lambda: nn.Sequential(nn.Flatten(), nn.Linear(768, 16), nn.ReLU(), nn.Linear(16, 5))))
    verdict = prepared.judge(prepared.model, tmp_path)
    failed = [check.detail for check in verdict.checks if check.outcome == "failed"]
    assert "the converted graph does not hold the checkpoint's 3.weight" in failed, verdict.checks
    assert onnx.checker.check_model(prepared.model) is None
