"""Ordinary architectures: the check must not reject them. And models that only look ordinary: it must."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import torch
import torch.nn.functional as F
from checking import plan_for, prepare
from onnx import numpy_helper
from torch import Tensor, nn
from torchvision.ops import FrozenBatchNorm2d

from zoo_core.errors import NotVerifiedError


def settled(module: nn.Module) -> nn.Module:
    """BatchNorm statistics as after a training, so that folds change the weights."""
    for part in module.modules():
        if isinstance(getattr(part, "running_mean", None), Tensor):
            nn.init.normal_(part.running_mean, 0, 0.3)
            nn.init.uniform_(part.running_var, 0.5, 2.0)
            if isinstance(part.weight, nn.Parameter):
                nn.init.uniform_(part.weight, 0.5, 1.5)
                nn.init.normal_(part.bias, 0, 0.2)
    return module


def head(channels: int) -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 5)]


class SharedNorm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.bn, self.fc = nn.Conv2d(3, 8, 3), nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(F.relu(self.bn(self.a(x)) + self.bn(self.b(x))).mean((2, 3)))


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.fc = nn.Linear(768, 16, bias=False), nn.Linear(768, 16, bias=False), nn.Linear(16, 5)
        self.b.weight = self.a.weight

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        return self.fc(F.relu(self.a(x)) + torch.tanh(self.b(x)))


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.RNNBase], **options: bool) -> None:
        super().__init__()
        self.rnn = kind(16, 12, batch_first=True, **options)
        self.fc = nn.Linear(24 if options else 12, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.rnn(x.mean(1))[0][:, -1])


class VisionTransformer(nn.Module):
    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 4, 4)
        self.token = nn.Parameter(torch.randn(1, 1, width) * 0.5)
        self.position = nn.Parameter(torch.randn(1, 17, width) * 0.5)
        layer = nn.TransformerEncoderLayer(width, 2, 32, batch_first=True, activation="gelu")
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.fc = nn.Linear(width, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.position
        return self.fc(self.encoder(x)[:, 0])


class Temperature(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc, self.scale = nn.Linear(768, 5), nn.Parameter(torch.tensor(1.3))

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.flatten(1)) * self.scale.exp()


class Filters(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, torch.arange(135.0).reshape(5, 3, 3, 3).sin()).relu().mean((2, 3))


HEALTHY: dict[str, Callable[[], nn.Module]] = {
    "conv bn": lambda: nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8), *head(8)
    ),
    "two bn after a conv": lambda: nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.BatchNorm2d(8), nn.ReLU(), *head(8)
    ),
    "one bn for two convs": SharedNorm,
    "grouped transposed conv bn": lambda: nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.ConvTranspose2d(8, 8, 3, groups=2), nn.BatchNorm2d(8), nn.ReLU(), *head(8)
    ),
    "depthwise": lambda: nn.Sequential(
        nn.Conv2d(3, 8, 1), nn.ReLU6(), nn.Conv2d(8, 8, 3, groups=8), nn.BatchNorm2d(8), nn.Hardswish(), *head(8)
    ),
    "frozen bn": lambda: nn.Sequential(nn.Conv2d(3, 8, 3), FrozenBatchNorm2d(8), nn.ReLU(), *head(8)),
    "group norm": lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.GroupNorm(4, 8), nn.GELU(), *head(8)),
    "instance norm": lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.InstanceNorm2d(8, affine=True), nn.SiLU(), *head(8)),
    "layer norm": lambda: nn.Sequential(nn.Flatten(), nn.LayerNorm(768), nn.Linear(768, 5)),
    "tied weights": Tied,
    "lstm": lambda: Recurrent(nn.LSTM),
    "bidirectional gru": lambda: Recurrent(nn.GRU, bidirectional=True),
    "vision transformer": VisionTransformer,
    "learned temperature": Temperature,
    "dropout": lambda: nn.Sequential(nn.Flatten(), nn.Linear(768, 16), nn.Dropout(), nn.Linear(16, 5)),
    "fixed filters": Filters,
}


@pytest.mark.parametrize("name", HEALTHY)
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
        (Drawn, "two builds give another logits, even in eval mode"),
        (Cancelled, "in float32 is .* of its size away from float64, in PyTorch itself"),
        (lambda: CACHED, "the builder gives the same module each time"),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(7, 5)), "the model fails on image"),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(768, 5)).bfloat16(), "the model fails on image"),
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
