"""Outputs that are no plain float32: flags, whole numbers, -inf by design, half precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from checking import plan_of, prepare
from onnx import numpy_helper
from torch import Tensor, nn

from zoo_core import TensorSpec, ZooError
from zoo_core.export.bundle import RejectedExportError, export
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.runtime import open_model
from zoo_core.verification.conclude.recheck import verify_export
from zoo_core.verification.mutants.export_score import score_export
from zoo_core.verification.mutants.kinds import make_mutants

Y = {"y": TensorSpec("N", 4)}


class Then(nn.Module):
    """A linear layer, and what comes after it."""

    def __init__(self, then: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.linear, self.then = nn.Linear(5, 4), then

    def forward(self, x: Tensor) -> object:
        return self.then(self.linear(x))


def plan(then: Callable[[Tensor], object], outputs: Mapping[str, TensorSpec] = Y) -> ExportPlan:
    return plan_of(lambda: Then(then), inputs={"x": TensorSpec("N", 5)}, outputs=outputs)


FLAGS = {**Y, "sure": TensorSpec("N", 4, dtype="bool"), "best": TensorSpec("N", dtype="int64")}


def flags(y: Tensor) -> object:
    return y, y > 0, y.argmax(1)


def hidden(y: Tensor) -> object:
    return y.masked_fill(y < 0, float("-inf"))


def unknown(y: Tensor) -> object:
    return y.masked_fill(y < 0, float("nan"))


@pytest.mark.parametrize(
    ("then", "outputs"), [(flags, FLAGS), (hidden, Y), pytest.param(unknown, Y, marks=pytest.mark.slow)]
)
def test_such_outputs_are_verified_here_and_later(
    then: Callable[[Tensor], object], outputs: Mapping[str, TensorSpec], tmp_path: Path
) -> None:
    assert export(plan(then, outputs), tmp_path / "export").outcome == "verified"
    assert verify_export(tmp_path / "export", thorough=True).outcome == "verified"
    score = score_export(tmp_path / "export")
    assert not score.with_verdict("survived")
    assert len(score.with_verdict("killed")) > 20


@pytest.mark.parametrize(
    ("fault", "rule"),
    [("sure", "values"), ("best", "values")],
)
def test_a_wrong_flag_or_number_fails(fault: str, rule: str, tmp_path: Path) -> None:
    prepared = prepare(plan(flags, FLAGS))
    mutant = next(
        mutant
        for mutant in make_mutants(prepared.model.SerializeToString(), kinds=["output off by one"])
        if mutant.description.startswith(fault)
    )
    verdict = prepared.judge(onnx.load_from_string(mutant.model_bytes), tmp_path)
    assert rule in {check.rule for check in verdict.checks if check.outcome == "failed"}


def test_minus_infinity_elsewhere_fails(tmp_path: Path) -> None:
    prepared = prepare(plan(hidden))
    wrong = onnx.ModelProto()
    wrong.CopyFrom(prepared.model)
    turned = next(node for node in wrong.graph.node if node.op_type == "Less")
    turned.op_type = "Greater"
    assert "values" in {check.rule for check in prepared.judge(wrong, tmp_path).checks if check.outcome == "failed"}


def test_a_number_in_place_of_minus_infinity_fails(tmp_path: Path) -> None:
    prepared = prepare(plan(hidden))
    wrong = onnx.ModelProto()
    wrong.CopyFrom(prepared.model)
    (lowest,) = (each for each in wrong.graph.initializer if not np.isfinite(numpy_helper.to_array(each)).all())
    lowest.CopyFrom(numpy_helper.from_array(np.full_like(numpy_helper.to_array(lowest), -1), lowest.name))
    assert "values" in {check.rule for check in prepared.judge(wrong, tmp_path).checks if check.outcome == "failed"}


def test_whole_numbers_that_hang_by_a_hair_are_not_conclusive(tmp_path: Path) -> None:
    hanging = plan(lambda y: (y, (y * 1e8).long() % 2), {**Y, "last": TensorSpec("N", 4, dtype="int64")})
    with pytest.raises(RejectedExportError, match="float32 and float64 agree on less than 99% of last") as caught:
        export(hanging, tmp_path / "export")
    assert caught.value.report.outcome == "not-conclusive"


def test_a_row_that_is_not_finite_in_one_precision_only_is_named(tmp_path: Path) -> None:
    overflowing = plan(lambda y: y * 1e38 * 1e3)
    with pytest.raises(RejectedExportError, match="row 1 of noise: y is not finite at 4 places in float32 and at 0 in"):
        export(overflowing, tmp_path / "export")


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_half_precision_outputs_are_refused_in_words(half: torch.dtype, tmp_path: Path) -> None:
    name = str(half).removeprefix("torch.")
    with pytest.raises(RejectedExportError, match=f"y is {name}: half precision cannot be proved equal yet"):
        export(plan(lambda y: y.to(half)), tmp_path / "export")


def hard_plan(*, hard: bool) -> ExportPlan:
    """Numbers that are indices once they are multiplied: PyTorch itself raises beyond the range."""

    class Indexed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(11, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.table((x * 10).long()).mean(1) * x.sum(1, keepdim=True)

    return plan_of(Indexed, inputs={"x": TensorSpec("N", 5, low=0, high=1, hard=hard)}, outputs=Y)


def test_corner_rows_on_which_pytorch_raises_are_counted(tmp_path: Path) -> None:
    report = export(hard_plan(hard=False), tmp_path / "export")
    told = next(check.detail for check in report.checks if check.rule == "inputs")
    assert "0 skipped, where PyTorch itself is not finite, and 1 more, on which it raises" in told


def test_a_hard_range_is_kept_in_the_check_and_where_the_file_is_run(tmp_path: Path) -> None:
    report = export(hard_plan(hard=True), tmp_path / "export")
    told = next(check.detail for check in report.checks if check.rule == "inputs")
    assert "1 extreme" in told
    assert "on which it raises" not in told
    model = open_model(tmp_path / "export")
    assert model.run({"x": np.ones((1, 5), np.float32)})["y"].shape == (1, 4)
    with pytest.raises(ZooError, match=r"input 'x' holds 1\.5, and may hold 0\.0 to 1\.0"):
        model.run({"x": np.full((1, 5), 1.5, np.float32)})


def test_only_floats_with_both_ends_have_a_hard_range() -> None:
    with pytest.raises(ZooError, match="a hard range has floats with a low and a high end, not int64 from 0 to 3"):
        TensorSpec("N", dtype="int64", low=0, high=3, hard=True)
