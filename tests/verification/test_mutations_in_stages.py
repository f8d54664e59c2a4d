"""The mutation score of a model in stages: faults planted behind and before its choices are seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import torch
from checking import Prepared, plan_of, prepare
from staged_models import INPUTS, OUTPUTS, Chooser, plan, stages_of
from torch import Tensor
from torchvision.ops import nms

from zoo_core.export.convert.clean import serialized
from zoo_core.verification.mutants import KINDS, Healthy, Judged, judge_each, make_mutants

CHOICE = "threshold of a choice"
NUMBERS = tuple(kind for kind in KINDS if kind.startswith(("weight", "bias", "bfloat16", "two tensors", "float16")))


class Suppressing(Chooser):
    """The best 60 places above a threshold that some of them miss, thinned out where their boxes overlap."""

    def best(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        found = scores.topk(60)
        kept = torch.where(found.values > 0.44)[0]
        values, places = found.values[kept], found.indices[kept]
        corner = torch.stack((places % 14, torch.div(places, 14, rounding_mode="floor")), dim=1).to(values.dtype)
        chosen = nms(torch.cat((corner, corner + 4), dim=1), values, 0.5)
        return values[chosen], places[chosen]


@pytest.fixture(scope="module")
def healthy() -> Prepared:
    return prepare(plan())


Judge = Callable[[tuple[str, ...]], list[Judged]]


@pytest.fixture
def judged(healthy: Prepared, tmp_path: Path) -> Judge:
    return judge_of(healthy, tmp_path)


def judge_of(healthy: Prepared, folder: Path, *, most: int = 1) -> Judge:
    """What plants faults of some kinds in a file, and judges each by all rules."""
    content = serialized(healthy.model)
    path = folder / "healthy.onnx"
    path.write_bytes(content)
    compare = Healthy(path).compare

    def judge(kinds: tuple[str, ...]) -> list[Judged]:
        return list(
            judge_each(
                make_mutants(content, kinds=kinds, most=most),
                check=lambda mutant: healthy.judge(onnx.load_model_from_string(mutant.model_bytes), folder).checks,
                compare=compare,
            )
        )

    return judge


def test_the_healthy_file_is_verified(healthy: Prepared, tmp_path: Path) -> None:
    verdict = healthy.judge(healthy.model, tmp_path)
    assert verdict.outcome == "verified", [check for check in verdict.checks if check.outcome != "passed"]


@pytest.mark.parametrize(
    ("kinds", "least"),
    [(("weight times 1.001", "bias dropped"), 2), pytest.param(NUMBERS, 8, marks=pytest.mark.slow)],
    ids=["two kinds", "all"],
)
def test_faults_in_numbers_are_seen_in_the_stage_where_they_are(
    kinds: tuple[str, ...], least: int, judged: Judge
) -> None:
    found = judged(kinds)
    assert len(found) >= least
    assert [mutant.name for mutant in found if mutant.verdict != "killed" or "values" not in mutant.rules] == []


@pytest.mark.slow  # of each kind one is in test_mutations.py, and those in the numbers of a stage stand above
def test_all_other_faults_are_seen(judged: Judge) -> None:
    found = judged(tuple(kind for kind in KINDS if kind not in (*NUMBERS, CHOICE)))
    assert len(found) >= 10
    assert [mutant.name for mutant in found if mutant.verdict != "killed"] == []


def test_another_threshold_of_a_choice_is_seen_in_the_stage_that_chooses(tmp_path: Path) -> None:
    suppressing = prepare(plan_of(Suppressing, inputs=INPUTS, outputs=OUTPUTS, stages=stages_of))
    assert suppressing.judge(suppressing.model, tmp_path).outcome == "verified"
    found = judge_of(suppressing, tmp_path, most=8)((CHOICE,))
    told = sorted(mutant.description.partition(": ")[2] for mutant in found)
    assert told == [
        "count 59 in place of 60",
        "overlap 0.25 in place of 0.5",
        "overlap 0.75 in place of 0.5",
        "threshold 0.22 in place of 0.44",
        "threshold 0.88 in place of 0.44",
    ]
    assert [mutant.name for mutant in found if mutant.verdict != "killed" or "choices" not in mutant.rules] == []


def test_a_threshold_that_nothing_reaches_is_no_fault(healthy: Prepared, tmp_path: Path) -> None:
    found = judge_of(healthy, tmp_path, most=8)((CHOICE,))
    verdicts = {mutant.description.partition(": ")[2]: mutant.verdict for mutant in found}
    assert verdicts == {
        "count 11 in place of 12": "killed",
        "threshold -5 in place of -10": "equivalent",
        "threshold -20 in place of -10": "equivalent",
    }
