"""The mutation score of a model in stages: faults planted behind and before its choices are seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from checking import Prepared, prepare
from staged_models import plan

from zoo_core.export.convert.clean import serialized
from zoo_core.verification.mutants import KINDS, Healthy, Judged, judge_each, make_mutants

NUMBERS = tuple(kind for kind in KINDS if kind.startswith(("weight", "bias", "bfloat16", "two tensors", "float16")))


@pytest.fixture(scope="module")
def healthy() -> Prepared:
    return prepare(plan())


@pytest.fixture
def judged(healthy: Prepared, tmp_path: Path) -> Callable[[tuple[str, ...]], list[Judged]]:
    content = serialized(healthy.model)
    path = tmp_path / "healthy.onnx"
    path.write_bytes(content)
    compare = Healthy(path).compare

    def judge(kinds: tuple[str, ...]) -> list[Judged]:
        return list(
            judge_each(
                make_mutants(content, kinds=kinds, most=1),
                check=lambda mutant: healthy.judge(onnx.load_model_from_string(mutant.model_bytes), tmp_path).checks,
                compare=compare,
            )
        )

    return judge


def test_the_healthy_file_is_verified(healthy: Prepared, tmp_path: Path) -> None:
    verdict = healthy.judge(healthy.model, tmp_path)
    assert verdict.outcome == "verified", [check for check in verdict.checks if check.outcome != "passed"]


def test_faults_in_numbers_are_seen_in_the_stage_where_they_are(
    judged: Callable[[tuple[str, ...]], list[Judged]],
) -> None:
    found = judged(NUMBERS)
    assert len(found) >= 8
    assert [mutant.name for mutant in found if mutant.verdict != "killed" or "values" not in mutant.rules] == []


def test_all_other_faults_are_seen(judged: Callable[[tuple[str, ...]], list[Judged]]) -> None:
    found = judged(tuple(kind for kind in KINDS if kind not in NUMBERS))
    assert len(found) >= 10
    assert [mutant.name for mutant in found if mutant.verdict != "killed"] == []
