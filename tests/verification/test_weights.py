"""Weights in the file: bit by bit, or recomputed where a fold changed them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from zoo_core.verification.conclude.weights import Norm, check_converted, check_saved


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, bias=False)
        self.bn = nn.BatchNorm2d(8)
        self.up = nn.ConvTranspose2d(8, 6, 2)
        self.bn2 = nn.BatchNorm2d(6)
        self.fc = nn.Linear(6, 4)
        for norm in (self.bn, self.bn2):
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.normal_(norm.bias)
            nn.init.normal_(norm.running_mean)
            nn.init.uniform_(norm.running_var, 0.5, 2.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.bn2(self.up(self.bn(self.conv(x)).relu()))
        return self.fc(x.mean((2, 3)))


@pytest.fixture(scope="module")
def folded() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], list[str]]:
    """What the real exporter and its optimiser make of two BatchNorms: saved constants, checkpoint, names in use."""
    torch.manual_seed(0)
    module = Net().eval()
    example = (torch.randn(2, 3, 9, 9),)
    program = torch.onnx.export(module, example, dynamo=True, optimize=False, external_data=False, verbose=False)
    initializers = program.model.graph.initializers
    used = [name for name in initializers if name in dict(module.state_dict())]
    program.optimize()
    saved = {name: np.array(value.const_value.numpy()) for name, value in initializers.items()}
    checkpoint = {name: value.numpy() for name, value in module.state_dict().items()}
    return saved, checkpoint, used


NORMS = (Norm(prefix="bn.", eps=1e-5), Norm(prefix="bn2.", eps=1e-5))


def test_folded_batch_norms_are_recomputed(folded: tuple[dict, dict, list]) -> None:
    saved, checkpoint, used = folded
    assert not np.array_equal(saved["conv.weight"], checkpoint["conv.weight"])
    result = check_saved(saved, checkpoint, used=used, norms=NORMS)
    assert result.outcome == "passed", result
    assert "folded" in result.detail
    assert "0 folded" not in result.detail


@pytest.mark.parametrize("name", ["conv.weight", "fc.weight", "fc.bias", "up.weight"])
def test_a_changed_constant_is_named(name: str, folded: tuple[dict, dict, list]) -> None:
    saved, checkpoint, used = folded
    changed = {**saved, name: saved[name] * np.float32(1.001)}
    result = check_saved(changed, checkpoint, used=used, norms=NORMS)
    assert result.outcome == "failed"
    assert name in result.detail


def test_another_epsilon_is_found(folded: tuple[dict, dict, list]) -> None:
    saved, checkpoint, used = folded
    norms = (Norm(prefix="bn.", eps=1e-4), Norm(prefix="bn2.", eps=1e-5))
    assert check_saved(saved, checkpoint, used=used, norms=norms).outcome == "failed"


def test_converted_tensors_are_compared_bit_by_bit() -> None:
    checkpoint = {"w": np.array([1.0, 0.0], np.float32), "v": np.array([2.0], np.float32)}
    assert check_converted(checkpoint, checkpoint, used=["w", "v"]).outcome == "passed"
    negative_zero = {**checkpoint, "w": np.array([1.0, -0.0], np.float32)}
    assert check_converted(negative_zero, checkpoint, used=["w", "v"]).outcome == "failed"
    assert check_converted({"other": checkpoint["w"]}, checkpoint, used=["w"]).outcome == "passed"
    lost = check_converted({"other": checkpoint["w"]}, checkpoint, used=["w", "v"])
    assert lost.outcome == "failed"
    assert "does not hold the checkpoint's v" in lost.detail


def test_two_swapped_tensors_are_not_excused_by_their_bytes() -> None:
    first, second = np.array([1.0, 2.0], np.float32), np.array([3.0, 4.0], np.float32)
    checkpoint = {"a": first, "b": second}
    swapped = {"a": second, "b": first}
    result = check_saved(swapped, checkpoint, used=["a", "b"])
    assert result.outcome == "failed"
    assert "a, b" in result.detail
