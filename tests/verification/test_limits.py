"""The process that runs a file for the check: what it may need, what it did need, and what becomes of one that dies."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from zoo_core.children.memory import default_memory_limit, memory_of
from zoo_core.verification.subject.subject import Group, SubjectError, run_subject

pytestmark = pytest.mark.usefixtures("cold_children")  # the process is what is looked at
LINUX = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell")
WIDE = 2**20


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of 32 MB: each of 8 stages multiplies a million values by its own weights."""
    path = tmp_path_factory.mktemp("wide") / "model.onnx"
    x, y = (helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", WIDE]) for name in ("x", "y"))
    weights = [numpy_helper.from_array(np.full(WIDE, 1 + i, np.float32), f"w{i}") for i in range(8)]
    names = ["x", *(f"h{i}" for i in range(1, 8)), "y"]
    nodes = [helper.make_node("Mul", [names[i], f"w{i}"], [names[i + 1]]) for i in range(8)]
    graph = helper.make_graph(nodes, "g", [x], [y], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    return path


def rows(count: int = 2) -> Group:
    x = np.ones((count, WIDE), np.float32)
    return Group(name="rows", inputs={"x": x}, batches=[(row,) for row in range(count)])


@LINUX
def test_a_child_that_needs_more_memory_than_it_may_is_a_failure(wide: Path) -> None:
    with pytest.raises(SubjectError, match=r"running model.onnx needed more than 0.01 GB of memory"):
        run_subject(wide, [rows()], memory_limit=10_000_000)


@LINUX
def test_a_child_needs_at_most_twice_the_model_and_300_mb(wide: Path) -> None:
    """One session at a time, inputs mapped: a split of twice the model's size is not held."""
    peak = run_subject(wide, [rows(16)]).peak_memory
    assert peak is not None
    assert 20e6 < peak < 2 * wide.stat().st_size + 300e6


@LINUX
def test_the_default_limit_is_what_the_machine_can_give() -> None:
    limit = default_memory_limit()
    assert limit is not None
    assert 0 < limit < os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_a_process_that_is_not_there_uses_no_known_memory() -> None:
    assert memory_of(2**31 - 1) is None


def test_inputs_that_are_mapped_are_cut_like_others(wide: Path) -> None:
    x = np.arange(3 * WIDE, dtype=np.float32).reshape(3, WIDE) / WIDE
    result = run_subject(wide, [Group(name="rows", inputs={"x": x}, batches=[(2, 0), (1,)])])
    for batches in result.outputs.values():
        np.testing.assert_allclose(batches[0]["y"], x[[2, 0]] * 40320, rtol=1e-6)
        np.testing.assert_allclose(batches[1]["y"], x[[1]] * 40320, rtol=1e-6)
