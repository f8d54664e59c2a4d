"""Normalisations over the places of a picture of any size: PyTorch's sums are better than onnxruntime's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from checking import plan_of
from torch import nn

from zoo_core import TensorSpec
from zoo_core.export.bundle import export


def net(norm: Callable[[int], nn.Module]) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        return nn.Sequential(
            *(nn.Conv2d(3, 16, 3, padding=1), norm(16), nn.ReLU()),
            *(nn.Conv2d(16, 32, 3, padding=1, stride=2), norm(32), nn.ReLU()),
            *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10)),
        )

    return build


@pytest.mark.parametrize(
    "norm",
    [
        lambda channels: nn.GroupNorm(8, channels),
        lambda channels: nn.GroupNorm(1, channels),
        lambda channels: nn.InstanceNorm2d(channels, affine=True),
    ],
    ids=["groups", "one group", "instances"],
)
def test_a_norm_over_free_sizes_is_verified(norm: Callable[[int], nn.Module], tmp_path: Path) -> None:
    plan = plan_of(
        net(norm),
        inputs={"image": TensorSpec("N", 3, "H", "W")},
        outputs={"logits": TensorSpec("N", 10)},
        smallest={"H": 4, "W": 4},  # PyTorch normalises no single place
    )
    report = export(plan, tmp_path / "export")
    assert report.outcome == "verified"
    assert not [check for check in report.checks if check.rule == "exporter"]  # at once, and no other way
