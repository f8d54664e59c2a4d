"""Inputs that are no floats: token numbers, choices, masks and bytes are drawn as what they are, and faults show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from checking import plan_of
from torch import Tensor, nn

from zoo_core import TensorSpec, ZooError
from zoo_core.export.bundle import export
from zoo_core.runtime import open_model
from zoo_core.verification.conclude.recheck import verify_export
from zoo_core.verification.mutants import score_export

FAULTS = ("end of a range lost", "input of one value", "input off by one", "mask turned")


class Experts(nn.Module):
    """Which of four experts answers is an input."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(4, 6, 6)), nn.Parameter(torch.randn(4, 6))

    def forward(self, x: Tensor, which: Tensor) -> Tensor:
        return torch.einsum("ni,nio->no", x, self.weight[which]) + self.bias[which]


class Words(nn.Module):
    """Token numbers from 1 on, and which of them count."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.last = nn.Embedding(29, 8), nn.Linear(8, 3)

    def forward(self, tokens: Tensor, counts: Tensor) -> Tensor:
        return self.last((self.table(tokens - 1) * counts[..., None]).sum(1))


class Picture(nn.Module):
    """Bytes, normalised inside."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.float() / 255 - 0.5).relu().mean((2, 3))


MODELS = {
    "experts": (
        Experts,
        {"x": TensorSpec("N", 6), "which": TensorSpec("N", dtype="int64", low=0, high=4)},
        TensorSpec("N", 6),
    ),
    "words": (
        Words,
        {"tokens": TensorSpec("N", 6, dtype="int64", low=1, high=30), "counts": TensorSpec("N", 6, dtype="bool")},
        TensorSpec("N", 3),
    ),
    "picture": (Picture, {"x": TensorSpec("N", 3, 16, 16, dtype="uint8")}, TensorSpec("N", 4)),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in {"experts", "picture"} else ()) for name in MODELS]
)
def test_it_is_verified_and_every_fault_in_how_it_is_read_is_seen(name: str, tmp_path: Path) -> None:
    build, inputs, output = MODELS[name]
    assert export(plan_of(build, inputs=inputs, outputs={"y": output}), tmp_path / "made").outcome == "verified"
    assert verify_export(tmp_path / "made").outcome == "verified"
    judged = [each for each in score_export(tmp_path / "made").mutants if each.kind in FAULTS]
    assert len(judged) > 1
    assert [f"{each.kind}: {each.description}" for each in judged if each.verdict == "survived"] == []


def test_integers_beyond_their_range_are_refused_before_onnxruntime_sees_them(tmp_path: Path) -> None:
    build, inputs, output = MODELS["words"]
    export(plan_of(build, inputs=inputs, outputs={"y": output}), tmp_path / "made")
    model = open_model(tmp_path / "made")
    counts = np.ones((1, 6), np.bool_)
    for value, told in ((0, "holds 0, and may hold 1 to 29"), (30, "holds 30, and may hold 1 to 29")):
        with pytest.raises(ZooError, match=told):
            model.run({"tokens": np.full((1, 6), value, np.int64), "counts": counts})
    assert model.run({"tokens": np.full((1, 6), 29, np.int64), "counts": counts})["y"].shape == (1, 3)


def test_an_integer_input_without_a_range_is_told_before_anything_is_built(tmp_path: Path) -> None:
    inputs = {"x": TensorSpec("N", 6), "which": TensorSpec("N", dtype="int64")}
    with pytest.raises(
        ZooError, match=r"input 'which': int64 \(N,\) has no range, and its values are numbers"
    ) as caught:
        export(plan_of(Experts, inputs=inputs, outputs={"y": TensorSpec("N", 6)}), tmp_path / "made")
    assert "low=0, high=N" in str(caught.value.hint)
