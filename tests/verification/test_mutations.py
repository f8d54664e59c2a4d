"""The mutation score: every fault of the list, planted in written files, is seen, and no healthy file is rejected."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from checking import Prepared, plan_for, prepare
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from warm import Result

from zoo_core import Preprocess, TensorSpec, ZooError
from zoo_core.export.convert.clean import serialized, set_metadata
from zoo_core.records import CheckResult
from zoo_core.runtime.reading.metadata import KEY, Metadata
from zoo_core.verification.expect.self_test import self_test_inputs
from zoo_core.verification.mutants import (
    KINDS,
    Healthy,
    Judged,
    Likeness,
    Mutant,
    MutationScore,
    judge_each,
    make_mutants,
    stale_weights,
)

Zoo = Callable[..., Result]

ELSEWHERE = (
    "stale weights",
    "end of a range lost",
    "input of one value",
    "mask turned",
    "end of an axis lost",
    "output off by one",
    "threshold of a choice",
    "input off by one",
    "row of other numbers",
    "field of a recipe",
    "vocabulary off by one",
    "another vocabulary",
    "what a recipe has learnt",
)
"""Faults for which this net has no place; those in inputs that are no floats: tests/export/test_typed_inputs.py; in
outputs that are none: test_odd_values.py; in choices: test_mutations_in_stages.py; in recipes and rows:
test_recipe_mutants.py."""


class Various(nn.Module):
    """Small, with a place for every fault of the list: norms, pools, a resize, and two outputs of one shape."""

    def __init__(self, eps: float = 1e-3) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8, eps=eps)
        self.second = nn.Conv2d(8, 8, 3, stride=2, padding=1)
        self.groups = nn.GroupNorm(2, 8)
        self.third = nn.Conv2d(8, 8, 3, padding=1)
        self.logits = nn.Linear(8, 5)
        self.side = nn.Linear(8, 5)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Two results of shape (N, 5)."""
        x = torch.relu(self.norm(self.first(image)))
        y = nn.functional.max_pool2d(x, 2)
        y = nn.functional.hardswish(self.groups(self.second(y)))
        y = nn.functional.interpolate(y, scale_factor=2, mode="bilinear")
        y = nn.functional.avg_pool2d(self.third(y), 3, stride=1, padding=1)
        y = torch.softmax(y, dim=1).amax((2, 3)) + torch.cat([y, torch.tanh(y)], dim=1)[:, 4:12].mean((2, 3))
        return self.logits(y), self.side(torch.relu(y))


def _checkpoint(seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    drawn = {}
    for name, tensor in Various().state_dict().items():
        if tensor.is_floating_point():
            scale = (2 / tensor[0].numel()) ** 0.5 if tensor.ndim > 1 else 0.3
            drawn[name] = torch.randn(tensor.shape, generator=generator) * scale
            if name.endswith("running_var"):
                drawn[name] = drawn[name].abs() + 0.1
        else:
            drawn[name] = tensor
    return drawn


def _prepare(build: Callable[[], nn.Module] = Various, seed: int = 1) -> Prepared:
    plan = plan_for(build, checkpoint=_checkpoint(seed), validation=False)
    outputs = {"logits": TensorSpec("N", 5), "side": TensorSpec("N", 5)}
    spec = dataclasses.replace(plan.model.spec, outputs=outputs)
    preprocess = Preprocess(resize=(16, 16), mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3))
    model = dataclasses.replace(plan.model, spec=spec)
    return prepare(dataclasses.replace(plan, model=model, outputs=outputs, preprocess=preprocess))


@pytest.fixture(scope="module")
def healthy() -> Prepared:
    return _prepare()


@pytest.fixture(scope="module")
def content(healthy: Prepared) -> bytes:
    return serialized(healthy.model)


@pytest.fixture(scope="module")
def compare(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Mutant], Likeness]:
    path = tmp_path_factory.mktemp("healthy") / "model.onnx"
    path.write_bytes(content)
    return Healthy(path).compare


@pytest.fixture
def judged(
    healthy: Prepared, compare: Callable[[Mutant], Likeness], tmp_path: Path
) -> Callable[..., tuple[Judged, ...]]:
    def check(mutant: Mutant) -> tuple[CheckResult, ...]:
        return healthy.judge(onnx.load_model_from_string(mutant.model_bytes), tmp_path).checks

    return lambda mutants: tuple(judge_each(mutants, check=check, compare=compare))


def test_the_healthy_file_is_verified(healthy: Prepared, tmp_path: Path) -> None:
    verdict = healthy.judge(copy.deepcopy(healthy.model), tmp_path)
    assert verdict.outcome == "verified", [check for check in verdict.checks if check.outcome != "passed"]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ELSEWHERE])
def test_every_fault_of_a_kind_is_seen(kind: str, content: bytes, judged: Callable[..., tuple[Judged, ...]]) -> None:
    found = judged(make_mutants(content, kinds=(kind,), most=4 if "batch" in kind or "rows" in kind else 2))
    assert found, "this net has no place for that fault"
    assert [mutant for mutant in found if mutant.verdict == "survived"] == []
    assert any(mutant.verdict == "killed" for mutant in found)
    assert all(mutant.rules for mutant in found if mutant.verdict == "killed")


def test_weights_of_an_earlier_epoch_are_seen(content: bytes, judged: Callable[..., tuple[Judged, ...]]) -> None:
    found = judged(stale_weights(content, serialized(_prepare(seed=2).model)))
    assert [mutant.verdict for mutant in found] == ["killed"] * 4
    assert list(stale_weights(content, content)) == []


def test_another_epsilon_is_seen_where_the_norm_was_folded(healthy: Prepared, tmp_path: Path) -> None:
    other = _prepare(lambda: Various(eps=1e-2)).model
    set_metadata(other, healthy.metadata)
    assert all(node.op_type != "BatchNormalization" for node in other.graph.node)
    verdict = healthy.judge(other, tmp_path)
    assert verdict.outcome == "failed"
    assert {"weights", "values"} <= {check.rule for check in verdict.checks if check.outcome == "failed"}


def test_mutants_are_the_same_each_time_and_differ_from_the_file(content: bytes) -> None:
    first, second = list(make_mutants(content, most=1)), list(make_mutants(content, most=1))
    assert first == second
    assert len({mutant.name for mutant in first}) == len(first) >= len(KINDS) - len(ELSEWHERE)
    assert all(mutant.model_bytes != content and mutant.description in mutant.name for mutant in first)


def test_silent_faults_leave_a_valid_file(content: bytes) -> None:
    silent = ("stride", "padding", "dilation", "axis", "pooling mode", "resize mode")
    for mutant in make_mutants(content, kinds=silent):
        onnx.checker.check_model(mutant.model_bytes, full_check=True)


@pytest.mark.parametrize(("height", "planted"), [(4, 0), (8, 2)])
def test_a_resize_to_its_own_size_is_no_place_for_a_fault(height: int, planted: int) -> None:
    declared = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2, rows, 5])
        for name, rows in (("x", 4), ("y", height))
    ]
    sizes = numpy_helper.from_array(np.array([1, 2, height, 5]), "sizes")
    node = helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], name="resized", mode="nearest")
    graph = helper.make_graph([node], "g", declared[:1], declared[1:], [sizes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    assert len(list(make_mutants(model.SerializeToString(), kinds=("resize mode",), most=2))) == planted


def test_weights_in_other_files_are_no_place_for_faults(content: bytes) -> None:
    model = onnx.load_model_from_string(content)
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL
    with pytest.raises(ZooError, match="faults cannot be planted: the weights are in files beside the model"):
        next(make_mutants(model.SerializeToString()))


# --- zoo verify --mutants

WEIGHTS = np.array([[1.0, -2.0, 0.5], [0.25, 1.0, -1.0], [2.0, 0.5, 1.0], [-1.0, 1.5, 0.75]], np.float32)
RECIPE = {
    "generator": "philox-uniform-24",
    "inputs": {"x": {"seed": 5, "shape": [3, 4], "low": -1.0, "high": 1.0, "dtype": "float32"}},
}


def _write(path: Path, weights: np.ndarray, positions: list[int]) -> None:
    """`y = x @ weights`, with a self-test at some positions."""
    values = (self_test_inputs(RECIPE)["x"] @ weights).ravel()
    output = {"shape": [3, 3], "positions": positions, "expected": [float(values[p]) for p in positions]}
    test = {**RECIPE, "outputs": {"y": {**output, "bound": 1e-5, "floor": 1e-7}}}
    declared = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", k]) for n, k in (("x", 4), ("y", 3))]
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], name="product")]
    graph = helper.make_graph(nodes, "g", declared[:1], declared[1:], [numpy_helper.from_array(weights, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    metadata = Metadata(
        name="small",
        task="image-classification",
        labels=("a", "b", "c"),
        inputs={"x": TensorSpec("N", 4)},
        outputs={"y": TensorSpec("N", 3)},
        opset=20,
        self_test=test,
    )
    helper.set_model_props(model, {KEY: metadata.to_json()})
    path.write_bytes(model.SerializeToString())


BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {name!r}:
            raise ImportError(f"blocked: {{name}}")

sys.meta_path.insert(0, Blocker())
"""


@pytest.fixture
def without(tmp_path: Path, run_zoo: Callable[..., Result]) -> Callable[..., Result]:
    """`without(package, ...)` runs the program where that package cannot be imported."""

    def run(package: str, *arguments: str) -> Result:
        (tmp_path / "sitecustomize.py").write_text(BLOCKER.format(name=package))
        return run_zoo(*arguments, env={"PYTHONPATH": str(tmp_path)})

    return run


def test_zoo_verify_counts_what_it_sees_and_needs_no_torch(tmp_path: Path, without: Callable[..., Result]) -> None:
    _write(tmp_path / "good.onnx", WEIGHTS, list(range(9)))
    done = without("torch", "verify", "good.onnx", "--mutants", "--save", "--json")
    assert done.code == 0, done.stderr
    assert done.json["outcome"] == "verified"
    found = done.json["mutants"]
    digest = hashlib.sha256((tmp_path / "good.onnx").read_bytes()).hexdigest()
    assert json.loads((tmp_path / "good.onnx.mutants.json").read_text()) == {"sha256": digest, "mutants": found}
    assert found["made"] == found["killed"] + found["equivalent"] + found["survived"] > 20
    assert sum(kind["made"] for kind in found["kinds"].values()) == found["made"]
    # What no output shows needs the plan of the export.
    assert [mutant["kind"] for mutant in found["survivors"]] == ["labels rotated"]
    assert found["survivors"][0]["difference"] == 0
    assert found["rules"]["self-test"]["killed"] >= 10


def test_only_a_score_that_is_asked_for_is_kept(tmp_path: Path, zoo_here: Zoo) -> None:
    done = zoo_here("verify", "good.onnx", "--save")
    assert (done.code, "--save keeps the score of --mutants, which is not asked for" in done.stderr) == (2, True)


def test_faults_need_the_onnx_package(tmp_path: Path, without: Callable[..., Result]) -> None:
    _write(tmp_path / "good.onnx", WEIGHTS, list(range(9)))
    done = without("onnx", "verify", "good.onnx", "--mutants")
    assert done.code == 1
    assert "zoo verify --mutants needs the package 'onnx', which is not installed" in done.stderr
    assert "Hint: pip install onnx\n" in done.stderr  # an extra that brings it brings PyTorch, too


def test_zoo_verify_shows_a_table_and_fails_where_the_check_is_too_weak(tmp_path: Path, zoo_here: Zoo) -> None:
    weak = WEIGHTS.copy()
    weak[:, 0] = 0
    _write(tmp_path / "weak.onnx", weak, [0, 3, 6])  # only where the result is always 0
    done = zoo_here("verify", "weak.onnx", "--mutants")
    assert done.code == 3
    assert "Error: the check of weak.onnx does not see" in done.stderr
    assert "such as weight times 1.01: w: times 1.01" in done.stderr
    assert "weight times 1.001" in done.stdout
    assert "Survivors, and how far their outputs are" in done.stdout


@pytest.mark.slow  # how many processes are spared; what is seen is above
@pytest.mark.parametrize("limits", [(), ("--memory", "2")])
def test_only_faults_in_a_file_that_has_limits_are_checked_in_further_processes(
    limits: tuple[str, ...], tmp_path: Path, zoo_here: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = WEIGHTS + np.float32((1 + len(limits)) / 64)  # a file that no other test has made known
    _write(tmp_path / "good.onnx", weights, list(range(9)))
    checkers = []

    class Counted(subprocess.Popen):
        def __init__(self, command: list[str], **more: Any) -> None:
            checkers.extend(word for word in command if word.endswith("onnx_check"))
            super().__init__(command, **more)

    monkeypatch.setattr(subprocess, "Popen", Counted)
    done = zoo_here("verify", "good.onnx", "--mutants", "--json", *limits)
    assert done.code == 0, done.stderr
    assert done.json["mutants"]["killed"] >= 20
    assert (len(checkers) == 1) == (not limits)


def test_zoo_verify_plants_nothing_in_a_file_that_is_not_verified(tmp_path: Path, zoo_here: Zoo) -> None:
    _write(tmp_path / "bad.onnx", WEIGHTS, list(range(9)))
    model = onnx.load(tmp_path / "bad.onnx")
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(WEIGHTS * 2, "w"))
    onnx.save(model, tmp_path / "bad.onnx")
    done = zoo_here("verify", "bad.onnx", "--mutants", "--json")
    assert done.code == 3
    assert "mutants" not in done.json


def test_the_score_counts_rules_that_stand_alone() -> None:
    def mutant(verdict: Any, *rules: str) -> Judged:
        return Judged(name="n", kind="k", description="d", verdict=verdict, rules=rules)

    score = MutationScore(
        mutants=(mutant("killed", "weights"), mutant("killed", "weights", "values"), mutant("equivalent"))
    )
    assert score.by_rule == {"weights": (2, 1), "values": (1, 0)}
    assert score.visible == ()
    data = score.to_json()
    assert (data["made"], data["killed"], data["equivalent"], data["survived"]) == (3, 2, 1, 0)
    assert data["kinds"] == {"k": {"made": 3, "equivalent": 1, "killed": 2, "survived": 0}}
