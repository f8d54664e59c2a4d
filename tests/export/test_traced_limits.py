"""What the trace takes for granted of a free axis: the file ends there, is checked there, and refuses the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from checking import plan_of
from torch import Tensor, nn

from zoo_core import TensorSpec, ZooError
from zoo_core.export.bundle import RejectedExportError, export
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.runtime import open_model
from zoo_core.verification.conclude.recheck import verify_export


class Branch(nn.Module):
    """Another layer for long inputs, and another one for very short ones."""

    def __init__(self, longest: int, shortest: int = 0) -> None:
        super().__init__()
        self.short, self.long = nn.Linear(4, 6), nn.Linear(4, 6)
        self.longest, self.shortest = longest, shortest

    def forward(self, x: Tensor) -> Tensor:
        inside = self.shortest <= x.shape[1] <= self.longest
        return self.short(x).tanh() if inside else self.long(x)


class Positions(nn.Module):
    """A table of positions that ends."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.layer = nn.Parameter(torch.randn(20, 4)), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x + self.table[: x.shape[1]])


def plan(module: type[nn.Module], *arguments: int, classes: int = 6, **fields: object) -> ExportPlan:
    return plan_of(
        lambda: module(*arguments),
        inputs={"x": TensorSpec("N", "T", 4)},
        outputs={"y": TensorSpec("N", "T", classes)},
        **fields,
    )


def agrees(made: Path, given: ExportPlan, length: int) -> bool:
    x = np.random.default_rng(length).normal(size=(2, length, 4)).astype(np.float32)
    module = given.build()
    module.load_state_dict(dict(given.checkpoint))
    with torch.no_grad():
        expected = module(torch.from_numpy(x)).numpy()
    return bool(np.allclose(open_model(made).run({"x": x})["y"], expected, atol=1e-5))


def test_a_branch_on_a_size_far_from_those_that_are_tried_bounds_the_file(tmp_path: Path) -> None:
    given = plan(Branch, 200)
    report = export(given, tmp_path / "made")
    told = [check.detail for check in report.checks if check.rule == "axes"]
    assert told == ["the axis T is free up to 200: the trace takes it for granted, and larger ones are refused"]
    assert open_model(tmp_path / "made").metadata.largest == {"T": 200}
    assert all(agrees(tmp_path / "made", given, length) for length in (1, 64, 199, 200))
    with pytest.raises(ZooError, match="the axis T is 201, and may be up to 200"):
        agrees(tmp_path / "made", given, 201)
    assert verify_export(tmp_path / "made").outcome == "verified"


def test_a_branch_for_short_inputs_is_told_with_what_to_declare(tmp_path: Path) -> None:
    with pytest.raises(RejectedExportError) as caught:
        export(plan(Branch, 1 << 40, 9), tmp_path / "made")
    (told,) = [check.detail for check in caught.value.report.checks if check.rule == "axes"]
    assert told.startswith("the axis T is free from 9 on: the trace takes it for granted")
    assert "declare smallest={'T': 9}" in told
    assert told in caught.value.message
    assert not [check for check in caught.value.report.checks if check.rule == "blame"]
    assert export(plan(Branch, 1 << 40, 9, smallest={"T": 9}), tmp_path / "made").outcome == "verified"


def test_a_declared_end_is_kept_and_checked_there(tmp_path: Path) -> None:
    given = plan(Positions, classes=3, largest={"T": 20})
    assert {sizes["T"] for sizes in given.size_cases} == {1, 2, 19, 20}
    report = export(given, tmp_path / "made")
    assert report.outcome == "verified"
    assert open_model(tmp_path / "made").metadata.largest == {"T": 20}
    with pytest.raises(ZooError, match="the axis T is 21, and may be up to 20"):
        open_model(tmp_path / "made").run({"x": np.zeros((1, 21, 4), np.float32)})


def test_a_size_that_the_model_cannot_take_is_told_with_what_to_declare(tmp_path: Path) -> None:
    with pytest.raises(RejectedExportError) as caught:
        export(plan(Positions, classes=3), tmp_path / "made")
    assert "PyTorch takes T up to 20: declare largest={'T': 20} in its ModelSpec" in caught.value.message


def test_a_file_without_ends_does_not_speak_of_them(tmp_path: Path) -> None:
    given = plan(Branch, 1 << 40)
    report = export(given, tmp_path / "made")
    assert not [check for check in report.checks if check.rule == "axes"]
    assert '"largest"' not in open_model(tmp_path / "made").metadata.to_json()
