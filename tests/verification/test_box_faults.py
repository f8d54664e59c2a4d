"""Faults that detectors are prone to are planted in both forms of their outputs, and seen."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from checking import Prepared, prepare
from staged_finder import finder_plan

from zoo_core.export.convert.clean import serialized
from zoo_core.export.plan.plan import DEFAULT_OPSET, ExportPlan
from zoo_core.registry import open_zoo
from zoo_core.verification.mutants import Healthy, judge_each, make_mutants
from zoo_core.workflows.exports.export_source import plan_model

KINDS = ("output shifted", "classes swapped")


def tinydet_plan() -> ExportPlan:
    return plan_model(open_zoo().model("tinydet"), {}, name="tinydet", opset=DEFAULT_OPSET)


PLANTED = {
    "maps": {
        "every number is 0.5 more": ["boxes", "logits"],
        "the first two columns swapped": ["boxes", "logits"],
    },
    "chosen rows": {
        "every number is 0.5 more": ["boxes", "scores"],
        "the first two columns swapped": ["boxes"],
        "each even number and the odd one after it swapped": ["labels"],
    },
}


@pytest.fixture(scope="module", params=[pytest.param("maps", marks=pytest.mark.slow), "chosen rows"])
def form(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture(scope="module")
def prepared(form: str) -> Prepared:
    return prepare(tinydet_plan() if form == "maps" else finder_plan())


def test_boxes_shifted_and_classes_swapped_are_seen(form: str, prepared: Prepared, tmp_path: Path) -> None:
    content = serialized(prepared.model)
    healthy = tmp_path / "healthy.onnx"
    healthy.write_bytes(content)
    assert prepared.judge(prepared.model, tmp_path).outcome == "verified"
    found = list(
        judge_each(
            make_mutants(content, kinds=KINDS, most=4),
            check=lambda mutant: prepared.judge(onnx.load_model_from_string(mutant.model_bytes), tmp_path).checks,
            compare=Healthy(healthy).compare,
        )
    )
    planted: dict[str, list[str]] = {}
    for mutant in found:
        where, _, what = mutant.description.partition(": ")
        planted.setdefault(what, []).append(where)
    assert {what: sorted(where) for what, where in planted.items()} == PLANTED[form]
    assert [mutant.name for mutant in found if mutant.verdict != "killed"] == []
