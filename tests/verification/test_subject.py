"""The child process that runs the file: its end is a failure, and nobody waits for ever."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from zoo_core.verification.subject.subject import DEFAULT_SETTINGS, Group, SubjectError, children_ready, run_subject

pytestmark = pytest.mark.usefixtures("cold_children")  # the process is what is looked at


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
