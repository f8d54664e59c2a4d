"""Faults planted into what prepares the pictures: the rule of real pictures sees each, and nothing is published."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from checking import plan_for
from sabotaged_nodes import FAULTS
from torch import nn
from warm import Result

from zoo_core import Preprocess
from zoo_core.baking.bake import bake_verified
from zoo_core.export.bundle import build_and_check
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.records import ExportReport

Zoo = Callable[..., Result]
RECIPE = Preprocess(resize=(18, 18), crop=(16, 16), color="BGR", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


def small_net() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(196, 5))


@pytest.fixture(scope="module")
def verified(tmp_path_factory: pytest.TempPathFactory) -> tuple[ExportPlan, Path, ExportReport]:
    """A small model of colour pictures, and its float export."""
    plan = dataclasses.replace(plan_for(small_net, validation=False), preprocess=RECIPE)
    folder = tmp_path_factory.mktemp("float")
    return plan, folder, build_and_check(plan, folder, progress=lambda stage: None)


@pytest.mark.slow  # an honest file of digits is verified in test_bake.py
def test_the_honest_file_is_verified(verified: tuple[ExportPlan, Path, ExportReport], tmp_path: Path) -> None:
    report = bake_verified(*verified, tmp_path)
    assert report.outcome == "verified", [check for check in report.checks if check.outcome != "passed"]
    assert {each["source"] for each in report.baked["measured"]["pictures"]} >= {"generated"}


PLANTED = [pytest.param(name, marks=[pytest.mark.slow] if number >= 4 else []) for number, name in enumerate(FAULTS)]


@pytest.mark.parametrize("fault", PLANTED)
def test_a_fault_in_the_preparation_is_seen(
    fault: str, verified: tuple[ExportPlan, Path, ExportReport], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FAULTS[fault](monkeypatch)
    report = bake_verified(*verified, tmp_path)
    failed = [check for check in report.checks if check.outcome == "failed"]
    assert report.outcome == "failed"
    assert failed[0].rule == "pictures"
    assert "levels off what Pillow gives" in failed[0].detail
    assert report.baked["measured"]["largest_difference"]["prepared"] > 0


SABOTAGE = """
import sys

if "export" in sys.orig_argv:
    import numpy, onnx

    honest = onnx.numpy_helper.from_array

    def sabotaged(array, name=None):
        return honest(array * numpy.float32(0.9) if name == "preprocess/std" else array, name)

    onnx.numpy_helper.from_array = sabotaged
"""


def test_nothing_of_a_rejected_file_is_published(workplace: Path, site: Path, run_zoo: Zoo) -> None:
    site.mkdir()
    (site / "sitecustomize.py").write_text(SABOTAGE)
    before = sorted(path.name for path in (workplace / "exported").iterdir())
    done = run_zoo("export", "lenet5-digits", "--bake-preprocess", "--json")
    assert done.code == 3, done.stderr
    assert done.json["outcome"] == "failed"
    assert "the export of lenet5-digits-baked failed: pictures: " in done.stderr
    assert "levels off what Pillow gives" in done.stderr
    assert "nothing was published" in done.stderr
    assert sorted(path.name for path in (workplace / "exported").iterdir()) == before
