"""Models that choose on the way: every stage is checked on what the file gave to it, and choices are sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from checking import plan_of
from staged_models import INPUTS, OUTPUTS, Chooser, plan, stages_of
from torch import Tensor, nn

from zoo_core import Stage, TensorSpec
from zoo_core.errors import NotVerifiedError, ZooError
from zoo_core.export.bundle import RejectedExportError, export, reference_of
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.export.reference.staged import RandomRounding, StagedReference
from zoo_core.records import ExportReport
from zoo_core.verification.conclude.recheck import verify_export
from zoo_core.verification.expect.selections import Choice, choice_of, problems_of


def rejected(plan: ExportPlan, folder: Path) -> ExportReport:
    with pytest.raises(RejectedExportError) as caught:
        export(plan, folder / "export")
    assert not (folder / "export").exists()
    return caught.value.report


def test_stages_are_checked_and_the_published_file_has_only_the_declared_outputs(tmp_path: Path) -> None:
    report = export(plan(), tmp_path / "export")
    assert report.outcome == "verified"
    rules = [check.rule for check in report.checks]
    assert {"stages", "choices", "values", "copy", "self-test", "test vectors", "sensitivity"} <= set(rules)
    assert rules.count("choices") == 2  # optimised and not
    assert [error.name for error in report.outputs] == ["scores", "places", "codes"]
    model = onnx.load(tmp_path / "export" / "model.onnx")
    assert [value.name for value in model.graph.output] == list(OUTPUTS)
    again = verify_export(tmp_path / "export")
    assert again.outcome == "verified"
    assert {"self-test", "test vectors", "sensitivity"} <= {check.rule for check in again.checks}


def faulty(change: Callable[[Chooser], Sequence[Stage]]) -> Callable[[Chooser], Sequence[Stage]]:
    """Stages that are right where PyTorch runs them, and `change`d where they are traced, which comes third."""
    calls = []

    def stages(module: Chooser) -> Sequence[Stage]:
        calls.append(module)
        return change(module) if len(calls) > 2 else stages_of(module)

    return stages


def _other_maps(module: Chooser) -> Sequence[Stage]:
    def maps(image: Tensor) -> tuple[Tensor, Tensor]:
        features, scores = module.maps(image)
        return features, scores * 1.0001

    return (Stage(name="maps", inputs=("image",), outputs=("features", "all_scores"), run=maps), *stages_of(module)[1:])


def _other_choice(module: Chooser) -> Sequence[Stage]:
    def best(scores: Tensor) -> tuple[Tensor, Tensor]:
        values, places = module.best(scores)
        return values, torch.cat((places[:-1], places[:1]))

    first, _, last = stages_of(module)
    stage = Stage(name="best", inputs=("all_scores",), outputs=("scores", "places"), run=best, selects=True)
    return first, stage, last


def _fewer(module: Chooser) -> Sequence[Stage]:
    def best(scores: Tensor) -> tuple[Tensor, Tensor]:
        values, places = module.best(scores)
        return values[:-3], places[:-3]

    first, _, last = stages_of(module)
    stage = Stage(name="best", inputs=("all_scores",), outputs=("scores", "places"), run=best, selects=True)
    return first, stage, last


def _other_codes(module: Chooser) -> Sequence[Stage]:
    def codes(features: Tensor, places: Tensor) -> Tensor:
        return module.codes(features, places).flip(0)

    return (
        *stages_of(module)[:2],
        Stage(name="codes", inputs=("features", "places"), outputs=("codes",), run=codes),
    )


@pytest.mark.parametrize(
    ("change", "rule", "stage"),
    [
        (_other_maps, "values", "maps"),
        (_other_choice, "choices", "best"),
        (_fewer, "choices", "best"),
        (_other_codes, "values", "codes"),
    ],
)
def test_a_fault_in_a_stage_is_found_there(tmp_path: Path, change: object, rule: str, stage: str) -> None:
    report = rejected(plan(faulty(change)), tmp_path)  # type: ignore[arg-type]
    bad = [check for check in report.checks if check.outcome == "failed"]
    assert bad[0].rule == rule
    assert f"stage {stage}" in bad[0].detail


def test_stages_that_are_not_the_model(tmp_path: Path) -> None:
    def shifted(module: Chooser) -> Sequence[Stage]:
        def maps(image: Tensor) -> tuple[Tensor, Tensor]:
            features, scores = module.maps(image)
            return features, scores + 0.01

        stage = Stage(name="maps", inputs=("image",), outputs=("features", "all_scores"), run=maps)
        return stage, *stages_of(module)[1:]

    report = rejected(plan(shifted), tmp_path)
    bad = next(check for check in report.checks if check.outcome == "failed")
    assert bad.rule == "stages"
    assert "12 of 12 rows for a noise input differ" in bad.detail


@pytest.mark.parametrize(
    ("stages", "text"),
    [
        (lambda module: stages_of(module)[1:], "stage 'best' takes all_scores, which no stage before it gives"),
        (lambda module: stages_of(module)[:2], "no stage gives the output codes"),
        (lambda module: (*stages_of(module), stages_of(module)[1]), "stage 'best' gives scores, places again"),
    ],
)
def test_stages_that_do_not_fit_together(tmp_path: Path, stages: object, text: str) -> None:
    report = rejected(plan(stages), tmp_path)  # type: ignore[arg-type]
    assert text in report.checks[0].detail


def test_a_stage_that_gives_something_else_than_it_says(tmp_path: Path) -> None:
    def stages(module: Chooser) -> Sequence[Stage]:
        return Stage(name="maps", inputs=("image",), outputs=("features",), run=module.maps), *stages_of(module)[1:]

    def short(module: Chooser) -> Sequence[Stage]:
        first, second, third = stages_of(module)
        return first, second, Stage(name="codes", inputs=third.inputs, outputs=("codes", "more"), run=third.run)

    assert "takes all_scores" in rejected(plan(stages), tmp_path).checks[0].detail
    assert (
        "stage 'codes': the model declares the outputs codes, more but returned 1: Tensor"
        in rejected(plan(short), tmp_path).checks[0].detail
    )


def test_a_stage_needs_a_name_inputs_and_outputs() -> None:
    with pytest.raises(ZooError, match="Stage 'maps' needs a name, inputs and outputs"):
        Stage(name="maps", inputs=(), outputs=("a",), run=lambda: None)


def _rows(scores: Sequence[float], labels: Sequence[int]) -> dict[str, np.ndarray]:
    return {"scores": np.array(scores), "labels": np.array(labels)}


def _sure(moved: Sequence[dict[str, np.ndarray]] = ()) -> Choice:
    exact = _rows([0.9, 0.5, 0.4], [1, 2, 3])
    return choice_of(exact, _rows([0.9 + 1e-8, 0.5, 0.4], [1, 2, 3]), moved)


def test_rows_that_tie_may_come_in_any_order() -> None:
    # Two of them tie, so that either may come first.
    sure = choice_of(_rows([0.9, 0.5, 0.5], [1, 2, 3]), _rows([0.9, 0.5, 0.5], [1, 3, 2]), [])
    assert not problems_of(sure, _rows([0.9, 0.5, 0.5], [1, 2, 3]))
    assert not problems_of(sure, _rows([0.9, 0.5, 0.5], [1, 3, 2]))


def test_a_clear_row_that_is_missing_or_another_in_its_place() -> None:
    assert "1 of 3 clear rows are missing" in problems_of(_sure(), _rows([0.9, 0.5], [1, 2]))[0]
    problems = problems_of(_sure(), _rows([0.9, 0.5, 0.4], [1, 2, 7]))
    assert "1 of 3 clear rows are missing" in problems[0]
    assert "1 of 3 rows are not among those that PyTorch would choose" in problems[1]
    assert "1 of 3 clear rows" in problems_of(_sure(), _rows([0.9 + 1e-5, 0.5, 0.4], [1, 2, 3]))[0]


def test_a_row_that_hangs_by_a_hair_may_be_missing_or_another() -> None:
    sure = _sure([_rows([0.9, 0.5, 0.4], [1, 2, 8])])
    assert sure.clear.tolist() == [True, True, False]
    for found in (_rows([0.9, 0.5, 0.4], [1, 2, 8]), _rows([0.9, 0.5], [1, 2]), _rows([0.9, 0.5, 0.4], [1, 2, 3])):
        assert not problems_of(sure, found)
    problems = problems_of(sure, _rows([0.9, 0.5, 0.4, 0.3, 0.2], [1, 2, 9, 9, 9]))
    assert problems == ["3 of 5 rows are not among those that PyTorch would choose", "5 rows, not 3"]


def test_what_hangs_by_a_hair_may_push_out_the_last_row_where_there_is_a_most() -> None:
    # The second row ties with another one; whoever chooses both has room for two rows only.
    at_most = _sure([_rows([0.9, 0.5, 0.4], [1, 8, 3])])
    assert at_most.clear.tolist() == [True, False, False]
    assert not problems_of(at_most, _rows([0.9, 0.5, 0.5], [1, 2, 8]))
    assert "1 of 1 clear rows are missing" in problems_of(at_most, _rows([0.5, 0.5, 0.4], [2, 8, 3]))[0]
    # As many rows as there are: nothing is pushed out.
    any_number = _sure([_rows([0.9, 0.4], [1, 3])])
    assert any_number.clear.tolist() == [True, False, True]
    assert "1 of 2 clear rows are missing" in problems_of(any_number, _rows([0.9, 0.5], [1, 2]))[0]


def test_rows_that_are_not_finite_or_of_another_shape() -> None:
    assert "not finite" in problems_of(_sure(), _rows([0.9, np.nan, 0.4], [1, 2, 3]))[0]
    assert "different numbers of rows" in problems_of(_sure(), _rows([0.9, 0.5], [1, 2, 3]))[0]
    wide = {"scores": np.zeros((3, 2)), "labels": np.array([1, 2, 3])}
    assert "rows of the shape (2,), not ()" in problems_of(_sure(), wide)[0]


def test_a_model_without_float64_has_no_reference(tmp_path: Path) -> None:
    class Single(Chooser):
        def forward(self, image: Tensor) -> dict[str, Tensor]:
            if image.dtype is torch.float64:
                raise RuntimeError("float32 only")
            return super().forward(image)

    report = rejected(plan_of(Single, inputs=INPUTS, outputs=OUTPUTS, stages=stages_of), tmp_path)
    assert report.checks[0].detail == "the model cannot be run in float64"


def test_only_a_model_with_stages_is_run_in_stages() -> None:
    plain = plan_of(nn.Identity, inputs={"x": TensorSpec("N", 3)}, outputs={"y": TensorSpec("N", 3)})
    with pytest.raises(NotVerifiedError, match="under-test has no stages"):
        StagedReference(plain.model.spec, reference_of(plain))


def test_the_order_of_clear_rows_counts() -> None:
    problems = problems_of(_sure(), _rows([0.4, 0.5, 0.9], [3, 2, 1]))
    assert problems == ["2 of 3 clear rows come before one that they follow"]


def test_nothing_clear_concludes_nothing(tmp_path: Path) -> None:
    class Even(Chooser):
        """All scores are alike: every choice hangs by a hair."""

        def maps(self, image: Tensor) -> tuple[Tensor, Tensor]:
            features, scores = super().maps(image)
            return features, scores * 1e-12 + 1

    report = rejected(plan_of(Even, inputs=INPUTS, outputs=OUTPUTS, stages=stages_of), tmp_path)
    assert "rows that it chooses are clear, in PyTorch itself" in report.checks[0].detail


def test_a_stage_that_works_in_place_changes_nothing_of_what_the_file_gave() -> None:
    def stages(module: Chooser) -> Sequence[Stage]:
        def maps(image: Tensor) -> tuple[Tensor, Tensor]:
            return module.maps(image.mul_(2))

        stage = Stage(name="maps", inputs=("image",), outputs=("features", "all_scores"), run=maps)
        return stage, *stages_of(module)[1:]

    spec = plan(stages).model.spec
    staged = StagedReference(spec, reference_of(plan(stages)))
    image = np.random.default_rng(0).uniform(-1, 1, (1, 3, 20, 16)).astype(np.float32)
    given = {"image": image.copy()}
    run = staged.run(0, given)
    staged.compose(given)
    assert (given["image"] == image).all()
    assert np.allclose(run.single["features"], run.double["features"], atol=1e-5)


def test_scores_that_tie_by_rounding_have_no_order() -> None:
    # After a sigmoid these scores are one or two units in the last place apart, or none: a move of the inputs by a
    # rounding error shows nothing of it, another rounding of the sigmoid does.
    logits = torch.linspace(9.0, 9.002, 40)

    def stages(module: nn.Module) -> Sequence[Stage]:
        def choose(image: Tensor) -> tuple[Tensor, Tensor]:
            order = torch.sort(torch.sigmoid(logits.to(image.dtype) + 0 * image.flatten()[0]), descending=True)
            return order.values, order.indices

        return (Stage(name="choose", inputs=("image",), outputs=("scores", "rows"), run=choose, selects=True),)

    outputs = {"scores": TensorSpec("K"), "rows": TensorSpec("K", dtype="int64")}
    given = plan_of(nn.Identity, inputs={"image": TensorSpec(1, 2)}, outputs=outputs, stages=stages)
    choice = StagedReference(given.model.spec, reference_of(given)).choose(0, {"image": np.ones((1, 2), np.float32)})
    assert choice.count == 40
    assert choice.ordered.mean() < 0.1  # six roundings leave one in forty to chance


@pytest.mark.parametrize(
    "exact",
    [
        lambda x: torch.floor(x),
        lambda x: torch.ceil(x),
        lambda x: torch.round(x),
        lambda x: torch.trunc(x),
        lambda x: torch.div(x, 0.3, rounding_mode="floor"),
        lambda x: torch.arange(1, 40, dtype=torch.float32),
        lambda x: torch.full((40,), 0.7),
        lambda x: x.clone().floor_(),
    ],
)
def test_whole_numbers_are_no_others_in_another_rounding(exact: Callable[[Tensor], Tensor]) -> None:
    values = torch.linspace(0.25, 90.25, 40)
    for trial in range(6):
        with RandomRounding(trial):
            found = exact(values)
        assert torch.equal(found, exact(values))


def test_rows_that_are_found_by_whole_numbers_are_clear() -> None:
    def stages(module: nn.Module) -> Sequence[Stage]:
        def choose(image: Tensor) -> tuple[Tensor, Tensor]:
            rows = (torch.arange(0, 120, 3, dtype=image.dtype) + 0 * image.flatten()[0]).round().long()
            return rows.to(image.dtype), rows

        return (Stage(name="choose", inputs=("image",), outputs=("scores", "rows"), run=choose, selects=True),)

    outputs = {"scores": TensorSpec("K"), "rows": TensorSpec("K", dtype="int64")}
    given = plan_of(nn.Identity, inputs={"image": TensorSpec(1, 2)}, outputs=outputs, stages=stages)
    choice = StagedReference(given.model.spec, reference_of(given)).choose(0, {"image": np.ones((1, 2), np.float32)})
    assert (choice.count, choice.clear_count) == (40, 40)


def test_where_most_rows_tie_their_order_does_not_count() -> None:
    swapped = _rows([0.4, 0.5, 0.9], [3, 2, 1])
    assert problems_of(_sure(), swapped)
    assert not problems_of(_sure(), swapped, in_order=False)
    assert "1 of 3 clear rows are missing" in problems_of(_sure(), _rows([0.5, 0.9], [2, 1]), in_order=False)[0]


def test_stages_that_fail_or_are_none(tmp_path: Path) -> None:
    def broken(module: Chooser) -> Sequence[Stage]:
        return module.no_such_part  # type: ignore[return-value]

    assert "stages() of under-test fails: AttributeError" in rejected(plan(broken), tmp_path).checks[0].detail
    report = rejected(plan(lambda module: (1,)), tmp_path)  # type: ignore[arg-type, return-value]
    assert "stages() of under-test gives a int, not a Stage" in report.checks[0].detail


def test_outputs_that_no_model_in_stages_can_have() -> None:
    for inputs, outputs in (
        ({"image": TensorSpec("N", 3)}, {"rows": TensorSpec("N", 4)}),
        ({"image": TensorSpec(1, 3)}, {"rows": TensorSpec(100, 4)}),
    ):
        with pytest.raises(ZooError, match="a model in stages takes one sample and chooses rows, but rows is"):
            plan_of(nn.Identity, inputs=inputs, outputs=outputs, stages=stages_of)
