"""Work in a copy of this process: its result, its exception, its death, and its end when nobody waits."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from checking import plan_of
from torch import Tensor, nn

from zoo_core import TensorSpec
from zoo_core.errors import NotVerifiedError, UsageError
from zoo_core.export.bundle import RejectedExportError, export
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.export.reference.beside import beside, can_copy

pytestmark = pytest.mark.skipif(not can_copy(), reason="processes cannot be copied here")


def test_the_result_comes_back_from_another_process() -> None:
    here, seen = os.getpid(), []

    def work() -> tuple[int, np.ndarray]:
        seen.append("in the copy")
        return os.getpid(), np.arange(300_000.0)

    with beside(work, what="the work") as wait:
        there, value = wait()
    assert there != here
    assert np.array_equal(value, np.arange(300_000.0))
    assert not seen, "the copy changed something here"


def test_torch_computes_with_several_threads_in_both() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        weight = torch.rand(600, 600)
        here = weight @ weight  # the waiting threads of this process are there now, and not in the copy
        with beside(lambda: (torch.get_num_threads(), (weight @ weight).numpy()), what="the work") as wait:
            again = weight @ weight
            threads, there = wait()
    finally:
        torch.set_num_threads(before)
    assert threads == 2
    assert torch.equal(here, again)
    assert np.allclose(here.numpy(), there, rtol=1e-5)


def test_an_exception_is_raised_where_the_result_is_asked_for() -> None:
    def work() -> None:
        raise UsageError("no such thing", hint="another")

    with beside(work, what="the work") as wait, pytest.raises(UsageError, match="no such thing") as caught:
        wait()
    assert caught.value.hint == "another"
    assert "in work" in caught.value.__notes__[0], "where it was raised is lost"


def test_an_exception_that_cannot_be_sent_is_told_in_words() -> None:
    class Odd(Exception):
        pass

    def work() -> None:
        raise Odd("very odd")

    with beside(work, what="the work") as wait, pytest.raises(RuntimeError, match="Odd: very odd"):
        wait()


class Demanding(Exception):
    """Its class cannot make it again from what it keeps."""

    def __init__(self, *, what: str) -> None:
        super().__init__(f"it wants {what}")


def test_an_exception_that_cannot_be_made_again_is_told_in_words() -> None:
    def work() -> None:
        raise Demanding(what="more")

    with beside(work, what="the work") as wait, pytest.raises(RuntimeError, match="Demanding: it wants more"):
        wait()


def test_a_process_that_is_killed_is_a_failure() -> None:
    with (
        beside(lambda: os.kill(os.getpid(), signal.SIGKILL), what="the work") as wait,
        pytest.raises(NotVerifiedError, match="the work was lost: its process was killed by SIGKILL"),
    ):
        wait()


def test_to_leave_ends_it() -> None:
    reading, writing = os.pipe()

    def work() -> None:
        os.write(writing, str(os.getpid()).encode())
        time.sleep(600)

    with beside(work, what="the work"):
        process = int(os.read(reading, 20))
    os.close(reading)
    os.close(writing)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_a_process_that_may_have_no_children_is_not_copied() -> None:
    with beside(can_copy, what="the work") as wait:
        assert wait() is False


def small() -> nn.Module:
    return nn.Linear(4, 3)


def small_plan() -> ExportPlan:
    return plan_of(small, inputs={"x": TensorSpec("N", 4)}, outputs={"y": TensorSpec("N", 3)})


def test_an_export_where_nothing_can_be_copied_is_the_same(tmp_path: Path) -> None:
    stages: list[str] = []

    def work() -> str:
        return export(small_plan(), tmp_path / "there").outcome

    with beside(work, what="the work") as wait:
        assert wait() == "verified"
    assert export(small_plan(), tmp_path / "here", progress=stages.append).outcome == "verified"
    for file in (tmp_path / "here").rglob("*"):
        if file.is_file():
            assert file.read_bytes() == (tmp_path / "there" / file.relative_to(tmp_path / "here")).read_bytes()
    assert stages[:2] == ["converting to ONNX", "running PyTorch in float32 and float64"]


class EndsTheCopy(nn.Module):
    """Kills a process that is a copy, which a system does when it runs out of memory."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        if multiprocessing.parent_process() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.linear(x)


def test_an_export_whose_reference_dies_is_not_published(tmp_path: Path) -> None:
    plan = plan_of(EndsTheCopy, inputs={"x": TensorSpec("N", 4)}, outputs={"y": TensorSpec("N", 3)})
    with pytest.raises(RejectedExportError, match=r"PyTorch's side of the check was lost: .* SIGKILL") as caught:
        export(plan, tmp_path / "export")
    assert caught.value.exit_code == 3
    assert [check.rule for check in caught.value.report.checks] == ["reference"]
    assert not list(tmp_path.iterdir())
