"""Functions of which onnxruntime, or the exporter's way to write them, loses the small values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from checking import plan_of, prepare
from torch import Tensor, nn

from zoo_core import TensorSpec

Function = Callable[[Tensor], Tensor]


class Rare(nn.Module):
    """A small net whose last numbers, all about `shift`, go through a function."""

    def __init__(self, function: Function, *, shift: float, scale: float = 1.0) -> None:
        super().__init__()
        self.hidden, self.last = nn.Linear(16, 32), nn.Linear(32, 40)
        nn.init.constant_(self.last.bias, shift)
        self.function, self.scale = function, scale

    def forward(self, x: Tensor) -> Tensor:
        """(N, 40), or (N, 20) of functions that halve it."""
        return self.function(self.scale * self.last(self.hidden(x).relu()))


def product_of_two(x: Tensor) -> Tensor:
    return torch.sqrt(x.sigmoid() * x[:, :1].sigmoid())


FUNCTIONS: dict[str, tuple[Function, float, float]] = {
    "probabilities of rare tags": (torch.sigmoid, -6.0, 1.0),
    "scores of two heads": (product_of_two, -6.0, 1.0),
    "logarithm of a probability": (lambda x: x.sigmoid().log(), -10.0, 1.0),
    "logsigmoid": (nn.functional.logsigmoid, 0.0, 20.0),
    "silu": (nn.functional.silu, -6.0, 1.0),
    "glu": (nn.functional.glu, -6.0, 1.0),
    "expm1": (torch.expm1, -6.0, 1e-3),
    "log1p": (lambda x: torch.log1p(1e-3 * x.exp()), -6.0, 1.0),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_small_values_are_verified(name: str, tmp_path: Path) -> None:
    function, shift, scale = FUNCTIONS[name]
    size = 20 if name == "glu" else 40
    plan = plan_of(
        lambda: Rare(function, shift=shift, scale=scale),
        inputs={"x": TensorSpec("N", 16)},
        outputs={"y": TensorSpec("N", size)},
    )
    prepared = prepare(plan)
    verdict = prepared.judge(prepared.model, tmp_path)
    assert verdict.outcome == "verified", [check for check in verdict.checks if check.outcome != "passed"]


class Functions(nn.Module):
    """The functions themselves, of numbers at the ends of float32 too."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, 4, M) of (N, M)."""
        return torch.stack([x.sigmoid(), nn.functional.logsigmoid(x), x.expm1(), x.log1p()], dim=1)


def test_what_is_written_out_is_the_function_everywhere() -> None:
    prepared = prepare(
        plan_of(Functions, inputs={"x": TensorSpec("N", 24, low=0.0, high=1.0)}, outputs={"y": TensorSpec("N", 4, 24)})
    )
    small = np.geomspace(1e-30, 1e3, 21)
    x = np.stack([np.concatenate([sign * small, [0.0, sign * 80.0, sign * 1e30]]) for sign in (1, -1)]).astype(
        np.float32
    )
    session = onnxruntime.InferenceSession(prepared.model.SerializeToString(), providers=["CPUExecutionProvider"])
    found, expected = session.run(None, {"x": x})[0], Functions()(torch.from_numpy(x).double()).numpy()
    with np.errstate(over="ignore"):
        expected = expected.astype(np.float32)
    is_number = np.isfinite(expected)
    assert np.array_equal(np.isnan(found), np.isnan(expected))
    assert np.array_equal(found[np.isinf(expected)], expected[np.isinf(expected)])
    assert np.allclose(found[is_number], expected[is_number], rtol=1e-6, atol=2e-38)


class Gated(nn.Module):
    """Squeeze-and-excitation, and a SiLU before it: gates, and no answers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.squeeze, self.last = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 1), nn.Linear(8, 4)

    def forward(self, image: Tensor) -> Tensor:
        """(N, 4)."""
        x = nn.functional.silu(self.conv(image))
        x = x * self.squeeze(x.mean((2, 3), keepdim=True)).sigmoid()
        return self.last(x.mean((2, 3)))


def test_gates_stay_what_every_runtime_makes_quick() -> None:
    plan = plan_of(Gated, inputs={"image": TensorSpec("N", 3, 16, 16)}, outputs={"y": TensorSpec("N", 4)})
    model: onnx.ModelProto = prepare(plan).model
    assert [node.op_type for node in model.graph.node].count("Sigmoid") == 2
