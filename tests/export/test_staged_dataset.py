"""The rule "dataset" for a model in stages: what the file finds on real samples beside what PyTorch finds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from checking import Prepared, plan_of, prepare
from onnx import TensorProto, helper
from torch import Tensor, nn

from zoo_core import Stage, TensorSpec
from zoo_core.data import BoxTargets
from zoo_core.export.plan.plan import ExportPlan, LabelledInputs
from zoo_core.records import CheckResult

SIDE = 24
COUNT = 6


class Finder(nn.Module):
    """The best 12 cells of a map, each with a box around it: one class above the middle, another one below."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.score = nn.Conv2d(1, 6, 3, stride=2), nn.Conv2d(6, 1, 1)

    def maps(self, image: Tensor) -> Tensor:
        return self.score(torch.tanh(self.body(image))).flatten().sigmoid()

    def best(self, chances: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        found = chances.topk(12)
        kept = torch.where(found.values > 0.3)[0]
        scores, places = found.values[kept], found.indices[kept]
        row = torch.div(places, SIDE // 2 - 1, rounding_mode="floor")
        corner = 2.0 * torch.stack((places % (SIDE // 2 - 1), row), dim=1)
        return torch.cat((corner, corner + 4), dim=1), scores, (row >= SIDE // 4).to(torch.int64)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        boxes, scores, labels = self.best(self.maps(image))
        return {"boxes": boxes, "scores": scores, "labels": labels}


def stages(module: Finder) -> Sequence[Stage]:
    return (
        Stage(name="maps", inputs=("image",), outputs=("chances",), run=module.maps),
        Stage(name="best", inputs=("chances",), outputs=("boxes", "scores", "labels"), run=module.best, selects=True),
    )


def plan() -> ExportPlan:
    given = plan_of(
        Finder,
        inputs={"image": TensorSpec(1, 1, SIDE, SIDE, low=0.0, high=1.0)},
        outputs={"boxes": TensorSpec("K", 4), "scores": TensorSpec("K"), "labels": TensorSpec("K", dtype="int64")},
        task="detection",
        stages=stages,
    )
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
