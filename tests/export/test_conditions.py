"""Conditions on free axes that a trace takes for granted, beyond a range: sizes that break them are run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from checking import plan_of
from torch import Tensor, nn

from zoo_core import TensorSpec
from zoo_core.export.bundle import RejectedExportError, export
from zoo_core.export.plan.plan import ExportPlan


class Branching(nn.Module):
    """Twice as much where `when` says so of height and width."""

    def __init__(self, when: Callable[[int, int], bool], *, factor: float = 2.0) -> None:
        super().__init__()
        self.conv, self.when, self.factor = nn.Conv2d(2, 3, 3), when, factor

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return y * self.factor if self.when(x.shape[2], x.shape[3]) else y


def plan(when: Callable[[int, int], bool], *, factor: float = 2.0, height: str = "H") -> ExportPlan:
    return plan_of(
        lambda: Branching(when, factor=factor),
        inputs={"x": TensorSpec("N", 2, height, "W")},
        outputs={"y": TensorSpec("N", 3, f"{height}-2", "W-2")},
        smallest={"H": 3, "W": 3},
    )


CONDITIONS = {
    r"\(H % 2\) == 0": lambda height, width: height % 2 == 0,
    "H <= W": lambda height, width: height > width,
    "H != 70": lambda height, width: height == 70,
}


@pytest.mark.parametrize("text", CONDITIONS)
def test_a_file_that_holds_under_a_condition_only_is_rejected(text: str, tmp_path: Path) -> None:
    with pytest.raises(RejectedExportError, match=f"the trace takes for granted that {text}, and the model") as caught:
        export(plan(CONDITIONS[text]), tmp_path / "export")
    assert "onnxruntime" not in caught.value.message


def test_a_declaration_under_which_the_condition_always_holds_is_verified(tmp_path: Path) -> None:
    report = export(plan(lambda height, width: height % 2 == 0, height="2*H"), tmp_path / "export")
    assert report.outcome == "verified"


def test_a_condition_that_changes_nothing_is_told(tmp_path: Path) -> None:
    report = export(plan(lambda height, width: height % 2 == 0, factor=1.0), tmp_path / "export")
    assert report.outcome == "verified"
    told = [check.detail for check in report.checks if check.rule == "axes"]
    assert told == ["the trace takes for granted that (H % 2) == 0; H=63, W=96 was run"]


def test_without_a_trace_far_sizes_are_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = torch.onnx.export

    def broken(*arguments: object, dynamo: bool, **options: object) -> object:
        if dynamo:
            raise RuntimeError("no translation for this operator")
        return honest(*arguments, dynamo=False, **options)

    monkeypatch.setattr(torch.onnx, "export", broken)
    report = export(plan(lambda height, width: False), tmp_path / "export")
    assert report.outcome == "verified"
    told = [check.detail for check in report.checks if check.rule == "axes"]
    assert [text.rpartition("; ")[2] for text in told] == ["H=512, W=96 was run", "H=64, W=768 was run"]
    assert all("nothing is known of others" in text for text in told)
    assert "values" in {check.rule for check in report.checks if "H=64, W=768" in check.detail}


def test_a_condition_that_divides_by_zero_at_some_sizes_does_not_hold_there(tmp_path: Path) -> None:
    with pytest.raises(RejectedExportError, match=r"the trace takes for granted that \(96 % .*\) == 0, and the model"):
        export(plan(lambda height, width: height > 7 and 96 % (height // 8) == 0), tmp_path / "export")
