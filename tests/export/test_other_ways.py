"""A file that fails is made in other ways, judged by other rows; and published only where the fault is known."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from checking import plan_of
from sabotaging import sabotage
from torch import Tensor, nn

from zoo_core import TensorSpec
from zoo_core.export.bundle import RejectedExportError, export
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.records import ExportReport
from zoo_core.runtime.reading.metadata import Metadata, read_metadata
from zoo_core.runtime.reading.wire import read_onnx


class CeilPool(nn.Module):
    """A last window that would begin in the padding is left out, which ONNX says only from opset 22 on."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(self.conv(x), 3, 3, 1, ceil_mode=True)


class Two(nn.Module):
    """Two convolutions, of which a saboteur may choose the second."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 3)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv2(self.conv1(x).relu())
        return y


class Doubled(nn.Module):
    """What another module gives, twice."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        return 2 * self.module(x)


def ceil_plan() -> ExportPlan:
    return plan_of(CeilPool, inputs={"x": TensorSpec("N", 3, 14, 17)}, outputs={"y": TensorSpec("N", 4, 5, 6)})


def two_plan() -> ExportPlan:
    return plan_of(Two, inputs={"x": TensorSpec("N", 3, 8, 8)}, outputs={"y": TensorSpec("N", 5, 4, 4)})


def told(report: ExportReport) -> str:
    return "\n".join(check.detail for check in report.checks if check.rule == "exporter")


def metadata_in(folder: Path) -> Metadata:
    return read_metadata(read_onnx(folder / "model.onnx"))


def test_a_file_of_another_opset_takes_the_place_of_one_that_fails(tmp_path: Path) -> None:
    report = export(ceil_plan(), tmp_path / "export")
    assert (report.outcome, report.opset, metadata_in(tmp_path / "export").opset) == ("verified", 22, 22)
    assert "tried, and rejected: not optimised: onnx.checker: " in told(report)
    assert "opset 22 in place of 20, because the optimised file failed: onnx.checker: " in told(report)
    assert "opset 22" in (tmp_path / "export" / "README.md").read_text()


def test_an_opset_that_was_asked_for_is_kept(tmp_path: Path) -> None:
    plan = dataclasses.replace(ceil_plan(), other_opset=None)
    with pytest.raises(RejectedExportError) as caught:
        export(plan, tmp_path / "export")
    assert caught.value.report.opset == 20
    tried = [line.split(": ")[1] for line in told(caught.value.report).splitlines()]
    assert tried == ["not optimised", "converted by the TorchScript exporter"]


def test_another_file_is_judged_by_other_rows(tmp_path: Path) -> None:
    def seeds(plan: ExportPlan, name: str) -> set[int]:
        export(plan, tmp_path / name)
        test = metadata_in(tmp_path / name).self_test or {}
        return {draw["seed"] for case in (test, *test["others"]) for draw in case["inputs"].values()}

    easy = plan_of(nn.ReLU, inputs={"x": TensorSpec("N", 3, 14, 17)}, outputs={"y": TensorSpec("N", 3, 14, 17)})
    assert not seeds(ceil_plan(), "hard") & seeds(easy, "easy")


def test_wrong_numbers_of_a_named_node_may_be_mended_by_another_exporter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = torch.onnx.export
    sabotage(monkeypatch, in_optimiser=False)
    faulty = torch.onnx.export

    def only_dynamo(*arguments: object, dynamo: bool, **options: object) -> object:
        return (faulty if dynamo else honest)(*arguments, dynamo=dynamo, **options)

    monkeypatch.setattr(torch.onnx, "export", only_dynamo)
    report = export(two_plan(), tmp_path / "export")
    assert report.outcome == "verified"
    assert "converted by the TorchScript exporter, because the optimised file failed: " in told(report)
    assert "of conv2" in told(report)


def test_wrong_numbers_without_a_culprit_are_never_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trace that is something else: that the other exporter is right on these rows may be an accident."""
    honest = torch.onnx.export

    def another_module(module: nn.Module, *arguments: object, dynamo: bool, **options: object) -> object:
        return honest(Doubled(module) if dynamo else module, *arguments, dynamo=dynamo, **options)

    monkeypatch.setattr(torch.onnx, "export", another_module)
    plan = plan_of(
        lambda: nn.Conv2d(3, 4, 3), inputs={"x": TensorSpec("N", 3, 8, 8)}, outputs={"y": TensorSpec("N", 4, 6, 6)}
    )
    with pytest.raises(RejectedExportError, match="the fault lies in the trace"):
        export(plan, tmp_path / "export")
    assert not (tmp_path / "export").exists()
