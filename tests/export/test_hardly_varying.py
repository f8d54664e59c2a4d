"""Models whose outputs hardly vary with noise: inputs at the ends of their ranges, and examples that they bring."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checking import plan_of
from torch import Tensor, nn

from zoo_core import TensorSpec, ZooError
from zoo_core.export.bundle import RejectedExportError, export
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.verification.conclude.recheck import verify_export
from zoo_core.verification.feed.vectors import read_vectors


class Siamese(nn.Module):
    """How much two pictures are alike: two of noise nearly the same, whichever they are."""

    def __init__(self) -> None:
        super().__init__()
        self.tower = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return nn.functional.cosine_similarity(self.tower(a), self.tower(b))


PICTURE = TensorSpec("N", 3, 64, 64)


def test_the_inputs_of_a_pair_are_drawn_apart(tmp_path: Path) -> None:
    report = export(
        plan_of(Siamese, inputs={"a": PICTURE, "b": PICTURE}, outputs={"alike": TensorSpec("N")}), tmp_path / "export"
    )
    assert report.outcome == "verified"
    told = next(check.detail for check in report.checks if check.rule == "inputs")
    assert "2 low beside high, 2 high beside low" in told
    again = verify_export(tmp_path / "export")
    assert [check.outcome for check in again.checks if check.rule == "sensitivity"] == ["passed", "passed"]


class Keyhole(nn.Module):
    """Sees nothing but a pattern: one number above all others."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear((x - 1.5).relu()) + 1


def spikes(*, rows: int = 4, **others: Any) -> Mapping[str, Any]:
    return {"x": 3 * np.eye(16, dtype=np.float32)[:rows]}


def keyhole(examples: Callable[..., Mapping[str, Any]] | None) -> ExportPlan:
    return plan_of(Keyhole, inputs={"x": TensorSpec("N", 16)}, outputs={"y": TensorSpec("N", 3)}, examples=examples)


def test_what_to_do_is_said(tmp_path: Path) -> None:
    with pytest.raises(RejectedExportError, match="so give inputs on which it varies: examples= of the ModelSpec"):
        export(keyhole(None), tmp_path / "export")


def test_examples_are_rows_of_the_check_and_test_vectors(tmp_path: Path) -> None:
    report = export(keyhole(spikes), tmp_path / "export")
    assert report.outcome == "verified"
    assert "4 sample" in next(check.detail for check in report.checks if check.rule == "inputs")
    stored = read_vectors(tmp_path / "export", "input", ["x"])["x"]
    assert np.array_equal(stored, spikes()["x"])
    assert verify_export(tmp_path / "export").outcome == "verified"


WRONG: Mapping[str, tuple[Callable[..., Mapping[str, Any]], str]] = {
    "raises": (lambda **options: {"x": 1 / 0}, "its examples cannot be made: ZeroDivisionError"),
    "name": (lambda **options: {"y": np.zeros((2, 16), np.float32)}, "its examples are of y, not of x"),
    "no rows": (lambda **options: {"x": np.zeros((0, 16), np.float32)}, "its examples are 0 of x, and have to be"),
    "dtype": (lambda **options: {"x": np.zeros((2, 16))}, "its examples of x are float64, not float32"),
    "finite": (lambda **options: {"x": np.full((2, 16), np.nan, np.float32)}, "its examples of x are not all finite"),
    "shape": (lambda **options: {"x": np.zeros((2, 15), np.float32)}, "its examples do not fit: x has the shape"),
}


@pytest.mark.parametrize("how", WRONG)
def test_examples_that_do_not_fit_are_refused(how: str, tmp_path: Path) -> None:
    examples, text = WRONG[how]
    with pytest.raises(ZooError, match=text):
        export(keyhole(examples), tmp_path / "export")


def test_means_over_free_sizes_keep_their_digits(tmp_path: Path) -> None:
    """In one step onnxruntime adds up all numbers one after the other, and loses what PyTorch does not."""

    class Mean(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(3))

        def forward(self, x: Tensor) -> Tensor:
            return (x * self.scale[:, None, None]).mean((2, 3))

    plan = plan_of(
        Mean,
        inputs={"x": TensorSpec("N", 3, "H", "W", low=0, high=1)},
        outputs={"y": TensorSpec("N", 3)},
        largest={"H": 1400, "W": 1400},
    )
    report = export(plan, tmp_path / "export")
    assert report.outcome == "verified"
    assert all(output.floors < 4 for output in report.outputs)
