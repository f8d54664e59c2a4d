"""The rule "dataset" for a model in stages: what the file finds on real samples beside what PyTorch finds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from checking import Prepared, prepare
from onnx import TensorProto, helper
from staged_finder import SIDE, Finder, finder_plan

from zoo_core.data import BoxTargets
from zoo_core.export.bundle import export
from zoo_core.export.plan.plan import ExportPlan, LabelledInputs
from zoo_core.records import CheckResult
from zoo_core.verification.conclude.recheck import verify_export

COUNT = 6


def plan() -> ExportPlan:
    given = finder_plan()
    pictures = np.random.default_rng(0).uniform(0, 1, (COUNT, 1, SIDE, SIDE)).astype(np.float32)
    box = np.array([[2.0, 2, 6, 6]])
    truth = BoxTargets.of([(box, np.array([number % 2])) for number in range(COUNT)])
    return dataclasses.replace(given, validation=LabelledInputs(inputs={"image": pictures}, targets=truth))


@pytest.fixture(scope="module")
def healthy() -> Prepared:
    return prepare(plan())


def dataset_rule(healthy: Prepared, model: onnx.ModelProto, folder: Path) -> CheckResult:
    return next(check for check in healthy.judge(model, folder).checks if check.rule == "dataset")


def test_the_file_finds_what_pytorch_finds(healthy: Prepared, tmp_path: Path) -> None:
    verdict = healthy.judge(healthy.model, tmp_path)
    assert verdict.outcome == "verified", [check for check in verdict.checks if check.outcome != "passed"]
    found = dataset_rule(healthy, healthy.model, tmp_path)
    assert found.outcome == "passed"
    assert found.detail.startswith("map PyTorch 0.")
    assert found.detail.endswith(f"on {COUNT} samples; 0 of {12 * COUNT} rows differ")


def changed(model: onnx.ModelProto, name: str, change: Callable[[str, str], onnx.NodeProto]) -> onnx.ModelProto:
    """The file with one more node behind an output."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    for node in made.graph.node:
        node.output[:] = [f"{each}_old" if each == name else each for each in node.output]
        node.input[:] = [f"{each}_old" if each == name else each for each in node.input]
    made.graph.initializer.append(helper.make_tensor("two", TensorProto.FLOAT, [], [2.0]))
    made.graph.initializer.append(helper.make_tensor("one", TensorProto.INT64, [], [1]))
    made.graph.node.append(change(f"{name}_old", name))
    return made


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("boxes", lambda old, new: helper.make_node("Add", [old, "two"], [new])),
        ("labels", lambda old, new: helper.make_node("Sub", ["one", old], [new])),
    ],
    ids=["boxes moved", "classes changed"],
)
def test_a_file_that_finds_something_else(
    name: str, change: Callable[[str, str], onnx.NodeProto], healthy: Prepared, tmp_path: Path
) -> None:
    found = dataset_rule(healthy, changed(healthy.model, name, change), tmp_path)
    assert found.outcome == "failed"
    assert "rows differ; sample " in found.detail
    assert "clear rows are missing or off by more than the bound" in found.detail


def test_rows_that_hang_by_a_hair_may_differ(healthy: Prepared, tmp_path: Path) -> None:
    # In a picture of one colour all cells are equal, and any twelve of them are as good.
    assert healthy.plan.validation is not None
    pictures = np.array(healthy.plan.validation.inputs["image"])
    pictures[0] = 0.5
    given = LabelledInputs(inputs={"image": pictures}, targets=healthy.plan.validation.targets)
    tied = prepare(dataclasses.replace(healthy.plan, validation=given))
    first, *others = tied.expected.chosen
    moved = {**first, "boxes": first["boxes"] + np.array([0, 8, 0, 8], np.float32)}
    other = dataclasses.replace(tied, expected=dataclasses.replace(tied.expected, chosen=(moved, *others)))
    found = dataset_rule(other, tied.model, tmp_path)
    assert found.outcome == "passed", found
    assert found.detail.endswith("rows differ, all of them too close to call")


def test_without_real_samples_there_is_no_such_rule(healthy: Prepared, tmp_path: Path) -> None:
    bare = prepare(dataclasses.replace(healthy.plan, validation=None))
    assert "dataset" not in {check.rule for check in bare.judge(bare.model, tmp_path).checks}


class Trained(Finder):
    """Finds what is bright, and nothing in noise of all greys: like a detector that has learnt something."""

    least = 9.08

    def __init__(self) -> None:
        super().__init__()
        with torch.no_grad():
            self.body.weight.copy_(torch.linspace(0.9, 1.1, 9).view(1, 1, 3, 3).expand_as(self.body.weight) / 9)
            self.body.bias.zero_()
            self.score.weight.fill_(2)
            self.score.bias.fill_(-self.least)


class Choosy(Trained):
    """Finds what is all white, and nothing in any noise."""

    least = 9.78


def bright(build: type[Trained]) -> ExportPlan:
    given = finder_plan(build)
    pictures = np.random.default_rng(0).uniform(0, 0.2, (2 * COUNT, 1, SIDE, SIDE)).astype(np.float32)
    places = np.random.default_rng(1).integers(1, SIDE // 2 - 2, (2 * COUNT, 2))
    for picture, (row, column) in zip(pictures, places, strict=True):
        picture[0, 2 * row : 2 * row + 3, 2 * column : 2 * column + 3] = 1.0
    boxes = np.array([[2 * column, 2 * row, 2 * column + 4, 2 * row + 4] for row, column in places], np.float32)
    truth = BoxTargets.of(
        [(box[np.newaxis], np.array([int(row >= SIDE // 4)])) for box, (row, _) in zip(boxes, places, strict=True)]
    )
    return dataclasses.replace(given, validation=LabelledInputs(inputs={"image": pictures}, targets=truth))


@pytest.fixture(scope="module", params=[Trained, Choosy])
def trained(request: pytest.FixtureRequest) -> Prepared:
    return prepare(bright(request.param))


def test_one_that_sees_nothing_in_noise_and_little_in_a_sample_is_verified(trained: Prepared, tmp_path: Path) -> None:
    verdict = trained.judge(trained.model, tmp_path)
    assert verdict.outcome == "verified", [check for check in verdict.checks if check.outcome != "passed"]
    assert dataset_rule(trained, trained.model, tmp_path).detail.startswith("map PyTorch 1.0000, file 1.0000")
    # Each of the samples shows one row: as many are taken as show enough.
    assert trained.expected.usual.rows.kinds.count("sample") == 10
    silent = trained.plan.model.spec.build().__class__ is Choosy
    draw, expected = (trained.expected.self_test[key] for key in ("inputs", "selections"))
    assert (draw["image"]["low"] > 0) == (not silent)  # noise that is bright enough, where there is some
    told = [check.detail for check in verdict.checks if check.rule == "self-test"]
    assert told
    assert all(text.endswith("0 rows where nothing is to be chosen") == silent for text in told)
    assert all(bool(row["scores"]) != silent for row in expected["rows"])


def test_a_file_that_sees_more(trained: Prepared, tmp_path: Path) -> None:
    model = onnx.ModelProto()
    model.CopyFrom(trained.model)
    bias = next(each for each in model.graph.initializer if each.name == "score.bias")
    bias.CopyFrom(onnx.numpy_helper.from_array(np.array([0.0], np.float32), bias.name))
    rules = {check.rule for check in trained.judge(model, tmp_path).checks if check.outcome == "failed"}
    assert {"self-test", "dataset", "end to end", "values"} <= rules


def test_a_file_that_sees_nothing_in_noise_is_verified_elsewhere_too(tmp_path: Path) -> None:
    assert export(bright(Choosy), tmp_path / "export").outcome == "verified"
    again = verify_export(tmp_path / "export")
    assert again.outcome == "verified", again.checks
    assert {"self-test", "test vectors", "sensitivity"} <= {check.rule for check in again.checks}
