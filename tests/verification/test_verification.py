"""The parts of the check one by one: frozen inputs, bounds, weights, self-test, the child process."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from torch import nn

from zoo_core import TensorSpec, ZooError
from zoo_core.specs import Preprocess
from zoo_core.verification.conclude.same_decisions import check_parity
from zoo_core.verification.conclude.weights import Norm, check_converted, check_saved
from zoo_core.verification.expect.bounds import (
    Constants,
    bound_output,
    check_sensitivity,
    check_values,
    output_error,
    row_limits,
)
from zoo_core.verification.expect.self_test import check_self_test, expectations, input_draws, self_test_inputs
from zoo_core.verification.feed.rows import batches_of, frozen_uniform, make_rows, plausible_range
from zoo_core.verification.subject.subject import DEFAULT_SETTINGS, Group, SubjectError, children_ready, run_subject

FROZEN = [0.7441468238830566, -0.4092693328857422, -0.15980470180511475, -0.1892155408859253]


def test_frozen_numbers_never_change() -> None:
    # Written down once: a file exported today is checked with these for ever.
    found = frozen_uniform((4,), seed=7, low=-1.0, high=1.0)
    assert found.dtype == np.float32
    assert found.tolist() == FROZEN
    many = frozen_uniform((100_000,), seed=1, low=0.0, high=2.0)
    assert many.min() >= 0
    assert many.max() < 2
    assert abs(float(many.mean()) - 1) < 0.01


@pytest.mark.parametrize("count", [1, 2, 3, 5, 6, 11, 12, 64])
def test_batches_hold_every_row_in_sizes_1_2_3_5(count: int) -> None:
    batches = batches_of(count)
    assert {row for batch in batches for row in batch} == set(range(count))
    assert [len(batch) for batch in batches[:4]] == [1, 2, 3, 5]


def test_rows_have_every_kind_and_the_declared_dtype() -> None:
    spec = {"image": TensorSpec("N", 1, 4, 4)}
    samples = {"image": np.ones((3, 1, 4, 4), np.float32)}
    rows = make_rows(spec, ranges={"image": (-2.0, 3.0)}, given={"sample": samples})
    assert set(rows.kinds) == {"sample", "noise", "zeros", "constant", "extreme"}
    assert rows.inputs["image"].shape == (len(rows), 1, 4, 4)
    noise = rows.inputs["image"][[kind == "noise" for kind in rows.kinds]]
    assert noise.min() >= -2
    assert noise.max() <= 3
    assert np.abs(rows.inputs["image"]).max() > 20


def test_the_range_of_an_input_follows_declaration_then_preprocessing() -> None:
    assert plausible_range(TensorSpec("N", 3, low=0.0, high=5.0), None) == (0.0, 5.0)
    low, high = plausible_range(TensorSpec("N", 1), Preprocess(color="L", mean=(0.5,), std=(0.25,)))
    assert (low, high) == (-2.0, pytest.approx(2.0))
    assert plausible_range(TensorSpec("N", 1), None) == (-1.0, 1.0)


def _bound(scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    exact = np.linspace(-1, 1, 40).reshape(4, 10) * scale
    return exact, exact.astype(np.float32)


def test_an_error_above_the_bound_fails_and_one_below_passes() -> None:
    exact, single = _bound()
    bound = bound_output("y", float32=single, float64=exact)
    assert check_values("all", {"y": single}, {"y": bound})[0].outcome == "passed"
    moved = single.copy()
    moved[2, 3] += float(bound.bound[2]) * 1.5
    result = check_values("all", {"y": moved}, {"y": bound})[0]
    assert result.outcome == "failed"
    assert "times the rounding floor" in result.detail


def test_a_bound_follows_from_its_noise_and_other_constants_give_another() -> None:
    exact, single = _bound()
    corner = np.array([False, False, False, True])
    moved = np.full(4, 1e-9)
    bound = bound_output("y", float32=single, float64=exact, corner=corner, moved=moved)
    again = row_limits(bound.noise)
    assert (again.bound == bound.bound).all()
    assert (again.floor == bound.floor).all()
    size, gap = np.abs(exact).max(axis=1), np.abs(single.astype(np.float64) - exact).max(axis=1)
    relative = (gap / size)[:3].max()
    eps = float(np.finfo(np.float32).eps)
    for factor, small in ((4.0, 8.0), (9.0, 0.0)):
        changed = row_limits(bound.noise, constants=Constants(floor_factor=factor, eps_factor=small))
        assert changed.bound[:3] == pytest.approx(size[:3] * (factor * relative + small * eps))
    wide = row_limits(bound.noise, constants=Constants(corner_factor=1000.0)).bound
    assert wide[3] == pytest.approx(1000 * gap[3])
    assert (wide[:3] == bound.bound[:3]).all()
    assert bound.take([0]).noise is bound.noise


def test_nan_and_infinity_fail() -> None:
    exact, single = _bound()
    bound = bound_output("y", float32=single, float64=exact)
    for bad in (np.nan, np.inf, -np.inf):
        moved = single.copy()
        moved[0, 0] = bad
        assert check_values("all", {"y": moved}, {"y": bound})[0].outcome == "failed"
        assert output_error(moved, bound).error == np.inf


def test_the_bound_does_not_depend_on_the_scale() -> None:
    """Tiny outputs are no licence: an all-zero file fails where outputs are about 1e-9."""
    exact, single = _bound(1e-9)
    bound = bound_output("y", float32=single, float64=exact)
    assert check_values("all", {"y": np.zeros_like(single)}, {"y": bound})[0].outcome == "failed"


def test_a_reference_of_zeros_concludes_nothing() -> None:
    zeros = np.zeros((3, 2))
    bound = bound_output("y", float32=zeros.astype(np.float32), float64=zeros)
    assert check_values("all", {"y": zeros}, {"y": bound})[0].outcome == "not-conclusive"


def test_an_output_that_ignores_its_input_concludes_nothing() -> None:
    same = {"y": np.full((5, 3), 0.25, np.float32)}
    assert check_sensitivity("all", same, {"y": 1e-7})[0].outcome == "not-conclusive"
    varied = {"y": np.arange(15, dtype=np.float32).reshape(5, 3)}
    assert check_sensitivity("all", varied, {"y": 1e-3})[0].outcome == "passed"
    assert check_sensitivity("all", varied, {"y": 1.0})[0].outcome == "not-conclusive"


def test_a_flip_with_a_clear_margin_fails_even_when_the_score_rises() -> None:
    from zoo_core.tasks import decisions_of, get_task

    task, deciding = get_task("image-classification"), decisions_of("image-classification")
    assert deciding is not None
    theirs = {"y": np.array([[1.0, 0.0], [1.0, 0.0]])}
    ours = {"y": np.array([[0.0, 1.0], [1.0, 0.0]])}

    def bounds(rows: np.ndarray) -> dict[str, object]:
        return {"y": bound_output("y", float32=theirs["y"][rows].astype(np.float32), float64=theirs["y"][rows])}

    targets = np.array([1, 0])
    result = check_parity(task, deciding, torch_outputs=theirs, file_outputs=ours, targets=targets, reference=bounds)
    assert result.outcome == "failed"
    assert "accuracy PyTorch 0.5000, file 1.0000" in result.detail
    equal = check_parity(task, deciding, torch_outputs=theirs, file_outputs=theirs, targets=targets, reference=bounds)
    assert equal.outcome == "passed"


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, bias=False)
        self.bn = nn.BatchNorm2d(8)
        self.up = nn.ConvTranspose2d(8, 6, 2)
        self.bn2 = nn.BatchNorm2d(6)
        self.fc = nn.Linear(6, 4)
        for norm in (self.bn, self.bn2):
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.normal_(norm.bias)
            nn.init.normal_(norm.running_mean)
            nn.init.uniform_(norm.running_var, 0.5, 2.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.bn2(self.up(self.bn(self.conv(x)).relu()))
        return self.fc(x.mean((2, 3)))


@pytest.fixture(scope="module")
def folded() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], list[str]]:
    """What the real exporter and its optimiser make of two BatchNorms: saved constants, checkpoint, names in use."""
    torch.manual_seed(0)
    module = Net().eval()
    example = (torch.randn(2, 3, 9, 9),)
    program = torch.onnx.export(module, example, dynamo=True, optimize=False, external_data=False, verbose=False)
    initializers = program.model.graph.initializers
    used = [name for name in initializers if name in dict(module.state_dict())]
    program.optimize()
    saved = {name: np.array(value.const_value.numpy()) for name, value in initializers.items()}
    checkpoint = {name: value.numpy() for name, value in module.state_dict().items()}
    return saved, checkpoint, used


NORMS = (Norm(prefix="bn.", eps=1e-5), Norm(prefix="bn2.", eps=1e-5))


def test_folded_batch_norms_are_recomputed(folded: tuple[dict, dict, list]) -> None:
    saved, checkpoint, used = folded
    assert not np.array_equal(saved["conv.weight"], checkpoint["conv.weight"])
    result = check_saved(saved, checkpoint, used=used, norms=NORMS)
    assert result.outcome == "passed", result
    assert "folded" in result.detail
    assert "0 folded" not in result.detail


@pytest.mark.parametrize("name", ["conv.weight", "fc.weight", "fc.bias", "up.weight"])
def test_a_changed_constant_is_named(name: str, folded: tuple[dict, dict, list]) -> None:
    saved, checkpoint, used = folded
    changed = {**saved, name: saved[name] * np.float32(1.001)}
    result = check_saved(changed, checkpoint, used=used, norms=NORMS)
    assert result.outcome == "failed"
    assert name in result.detail


def test_another_epsilon_is_found(folded: tuple[dict, dict, list]) -> None:
    saved, checkpoint, used = folded
    norms = (Norm(prefix="bn.", eps=1e-4), Norm(prefix="bn2.", eps=1e-5))
    assert check_saved(saved, checkpoint, used=used, norms=norms).outcome == "failed"


def test_converted_tensors_are_compared_bit_by_bit() -> None:
    checkpoint = {"w": np.array([1.0, 0.0], np.float32), "v": np.array([2.0], np.float32)}
    assert check_converted(checkpoint, checkpoint, used=["w", "v"]).outcome == "passed"
    negative_zero = {**checkpoint, "w": np.array([1.0, -0.0], np.float32)}
    assert check_converted(negative_zero, checkpoint, used=["w", "v"]).outcome == "failed"
    assert check_converted({"other": checkpoint["w"]}, checkpoint, used=["w"]).outcome == "passed"
    lost = check_converted({"other": checkpoint["w"]}, checkpoint, used=["w", "v"])
    assert lost.outcome == "failed"
    assert "does not hold the checkpoint's v" in lost.detail


def test_two_swapped_tensors_are_not_excused_by_their_bytes() -> None:
    first, second = np.array([1.0, 2.0], np.float32), np.array([3.0, 4.0], np.float32)
    checkpoint = {"a": first, "b": second}
    swapped = {"a": second, "b": first}
    result = check_saved(swapped, checkpoint, used=["a", "b"])
    assert result.outcome == "failed"
    assert "a, b" in result.detail


def _test_of(values: np.ndarray) -> dict[str, object]:
    draw = input_draws({"x": (2, 3)}, ranges={"x": (0.0, 1.0)}, dtypes={"x": "float32"}, seed=5)
    bound = bound_output("y", float32=values.astype(np.float32), float64=values)
    return expectations(draw, {"y": bound}, seed=5)


def test_a_self_test_finds_a_changed_output() -> None:
    values = np.linspace(0.1, 1, 6).reshape(2, 3)
    test = _test_of(values)
    assert self_test_inputs(test)["x"].shape == (2, 3)
    results, errors = check_self_test("all", test, {"y": values.astype(np.float32)})
    assert [result.outcome for result in results] == ["passed"]
    assert errors[0].error <= errors[0].bound
    wrong = values.astype(np.float32)
    wrong[1, 2] += 1e-3
    assert check_self_test("all", test, {"y": wrong})[0][0].outcome == "failed"
    assert check_self_test("all", test, {"y": wrong.ravel()})[0][0].outcome == "failed"
    wrong[1, 2] = np.nan
    assert check_self_test("all", test, {"y": wrong})[0][0].outcome == "failed"


def test_a_damaged_self_test_is_an_error_not_a_pass() -> None:
    test = _test_of(np.ones((2, 3)))
    with pytest.raises(ZooError, match="unknown to this version"):
        self_test_inputs({**test, "generator": "other"})
    with pytest.raises(ZooError, match="damaged"):
        self_test_inputs({**test, "inputs": {"x": {"seed": 1}}})
    with pytest.raises(ZooError, match="the inputs of the self-test cannot be made"):
        self_test_inputs({**test, "inputs": {"x": {**test["inputs"]["x"], "shape": [2**50]}}})
    with pytest.raises(ZooError, match="it expects no output"):
        check_self_test("all", {**test, "outputs": {}}, {})
    outputs = {"y": {"shape": [2, 3], "positions": [99], "expected": [0.0], "bound": 1.0, "floor": 1.0}}
    with pytest.raises(ZooError, match="positions"):
        check_self_test("all", {**test, "outputs": outputs}, {"y": np.ones((2, 3))})


def _identity(path: Path, *, rows: str | int = "N") -> Path:
    value = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [rows, 3]) for name in ("x", "y")]
    one = numpy_helper.from_array(np.ones(3, np.float32), "one")
    node = helper.make_node("Mul", ["x", "one"], ["y"])
    graph = helper.make_graph([node], "g", value[:1], value[1:], [one])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    return path


def test_the_subject_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    group = Group(name="rows", inputs={"x": x}, batches=[(0,), (3, 1), (0, 1, 2, 3)])
    result = run_subject(_identity(tmp_path / "m.onnx"), [group])
    assert result.names == ("y",)
    for level in DEFAULT_SETTINGS:
        assert [len(batch["y"]) for batch in result.outputs[level, "rows"]] == [1, 2, 4]
        assert np.array_equal(result.outputs[level, "rows"][1]["y"], x[[3, 1]])


def test_a_batch_size_baked_in_is_a_failure(tmp_path: Path) -> None:
    group = Group(name="rows", inputs={"x": np.ones((3, 3), np.float32)}, batches=[(0, 1), (0, 1, 2)])
    with pytest.raises(SubjectError, match="could not be run"):
        run_subject(_identity(tmp_path / "m.onnx", rows=2), [group])


def test_a_killed_child_is_a_failure(tmp_path: Path) -> None:
    path = _identity(tmp_path / "m.onnx")
    group = Group(name="rows", inputs={"x": np.ones((1, 3), np.float32)}, batches=[(0,)] * 500_000)
    stopper = threading.Thread(target=_kill_the_child)
    stopper.start()
    with pytest.raises(SubjectError, match="was killed by SIGKILL"):
        run_subject(path, [group])
    stopper.join()


def _kill_the_child() -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for child in _children():
            os.kill(child, signal.SIGKILL)
            return
        time.sleep(0.05)


def _children() -> list[int]:
    """The checking processes of this one."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"zoo_core.verification.subject.subject_child" in _command(entry):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def _command(entry: Path) -> list[bytes]:
    """The words of a process's command line; a process that has only just begun has none for a moment."""
    while not (line := (entry / "cmdline").read_bytes()):
        if (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return []  # it has ended
        time.sleep(0.001)
    return line.split(b"\0")


def test_children_that_are_ready_are_used_and_the_others_are_ended(tmp_path: Path) -> None:
    path = _identity(tmp_path / "m.onnx")
    group = Group(name="rows", inputs={"x": np.ones((1, 3), np.float32)}, batches=[(0,)])
    with children_ready(2):
        assert len(_children()) == 2
        result = run_subject(path, [group])
        assert len(_children()) == 1
        assert result.outputs[DEFAULT_SETTINGS[0], "rows"][0]["y"].tolist() == [[1.0, 1.0, 1.0]]
        for _ in range(2):  # the second run finds none that is ready
            run_subject(path, [group])
        assert _children() == []
    with children_ready(1):
        assert len(_children()) == 1
    assert _children() == []


def test_a_child_that_dies_while_it_waits_is_a_failure(tmp_path: Path) -> None:
    path = _identity(tmp_path / "m.onnx")
    group = Group(name="rows", inputs={"x": np.ones((1, 3), np.float32)}, batches=[(0,)])
    with children_ready(1):
        _kill_the_child()
        with pytest.raises(SubjectError, match="was killed by SIGKILL"):
            run_subject(path, [group])


def test_a_child_that_never_ends_is_a_failure(tmp_path: Path) -> None:
    group = Group(name="rows", inputs={"x": np.ones((1, 3), np.float32)}, batches=[(0,)] * 500_000)
    with pytest.raises(SubjectError, match=r"took more than 1 s"):
        run_subject(_identity(tmp_path / "m.onnx"), [group], time_limit=1)


def test_a_corner_row_may_move_with_its_inputs_but_no_further_than_a_usual_row() -> None:
    exact = np.array([[1.0, -2.0], [2.0, 1.0], [1e-3, 0.0]])
    corner = np.array([False, False, True])

    def bounds(moved: float) -> np.ndarray:
        given = np.array([9.0, 9.0, moved])
        found = bound_output("y", float32=exact.astype(np.float32), float64=exact, corner=corner, moved=given)
        return found.bound

    strict = bounds(0.0)
    assert bounds(1e-7)[2] == pytest.approx(4e-7)
    assert strict[2] < 4e-8
    for moved in (1.0, np.inf):
        assert bounds(moved)[2] == pytest.approx(strict[0])
    assert bounds(np.nan)[2] <= strict[0]
    assert (bounds(1.0)[:2] == strict[:2]).all()
