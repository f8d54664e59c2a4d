"""A file that this machine does not know runs in a process of its own, with limits of memory and time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bombs import BOMBS, write_bomb
from onnx_files import brightness_metadata, brightness_model, write_brightness, write_model
from PIL import Image

from zoo_core import UsageError, ZooError
from zoo_core.runtime import Limits, open_model
from zoo_core.runtime.running.faults import WrongExportError

pytestmark = pytest.mark.usefixtures("cold_children")  # the process is what is looked at
LINUX = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell of memory")
ROWS = np.linspace(0, 1, 32, dtype=np.float32).reshape(2, 1, 4, 4)

WHERE_IT_RUNS = """
import sys
import numpy as np
from zoo_core.runtime import open_model
model = open_model(sys.argv[1])
model.run({"image": np.zeros((1, 1, 4, 4), np.float32)})
print("here" if "onnxruntime" in sys.modules else "apart")
"""


def where_it_runs(path: Path, **environment: str) -> str:
    """Whether a new Python that opens and runs the file loads onnxruntime itself."""
    command = [sys.executable, "-c", WHERE_IT_RUNS, str(path)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **environment}, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def strange(tmp_path: Path) -> Path:
    """A healthy file that was not made on this machine."""
    return write_model(tmp_path / "strange.onnx", brightness_model(), brightness_metadata(), known=False)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    Image.new("L", (4, 4), 200).save(path)
    return path


def test_a_strange_file_answers_as_it_does_in_this_process(strange: Path) -> None:
    apart, here = open_model(strange, isolated=True), open_model(strange, isolated=False)
    assert np.array_equal(apart.run({"image": ROWS})["logits"], here.run({"image": ROWS})["logits"])
    assert apart(ROWS) == here(ROWS)


def test_only_what_was_verified_or_made_here_runs_in_this_process(
    strange: Path, tmp_path: Path, run_zoo: Callable[..., Any]
) -> None:
    state = {"ZOO_STATE": str(tmp_path / "state")}
    assert where_it_runs(strange, **state) == "apart"
    failed = run_zoo("verify", strange, env=state)  # it has no self-test
    assert failed.code == 3
    assert where_it_runs(strange, **state) == "apart"


def test_an_export_is_known_where_it_was_made_and_where_it_was_verified(
    workplace: Path, tmp_path: Path, run_zoo: Callable[..., Any]
) -> None:
    export = workplace / "exported" / "lenet5-digits"
    state = {"ZOO_STATE": str(tmp_path / "another-machine")}
    first = run_zoo("verify", export, env=state)
    assert first.code == 0, first.stderr
    known = list((tmp_path / "another-machine" / "known-files").iterdir())
    assert [path.name.split("-")[0] for path in known] == [str((export / "model.onnx").stat().st_size)]


def test_where_nothing_can_be_noted_a_file_runs_apart(strange: Path, tmp_path: Path) -> None:
    """As in a read-only container; a file in the way of the folder keeps also the superuser from writing."""
    (tmp_path / "in-the-way").write_text("")
    assert where_it_runs(strange, ZOO_STATE=str(tmp_path / "in-the-way")) == "apart"


def test_a_file_that_has_changed_is_not_known(tmp_path: Path) -> None:
    path = write_brightness(tmp_path)
    assert where_it_runs(path) == "here"
    write_model(path, brightness_model(seed=77), brightness_metadata(), known=False)
    assert where_it_runs(path) == "apart"


@LINUX
@pytest.mark.parametrize("name", [name for name in BOMBS if name != "a loop without an end"])
def test_what_fills_the_memory_ends_at_the_limit(
    name: str, tmp_path: Path, picture: Path, zoo_here: Callable[..., Any]
) -> None:
    done = zoo_here("predict", write_bomb(tmp_path, name), picture, "--memory", "0.5", "--timeout", "60")
    assert done.code == 1
    assert "needed more than 0.5 GB of memory" in done.stdout
    assert "--memory" in done.stdout


def test_what_never_ends_is_ended(tmp_path: Path, picture: Path, zoo_here: Callable[..., Any]) -> None:
    bomb = write_bomb(tmp_path, "a loop without an end")
    done = zoo_here("predict", bomb, picture, "--timeout", "1")
    assert (done.code, "took more than 1 s" in done.stderr) == (1, True)


def test_the_limits_hold_for_verify_too(tmp_path: Path, zoo_here: Callable[..., Any]) -> None:
    bomb = write_bomb(tmp_path, "a loop without an end")
    done = zoo_here("verify", bomb, "--timeout", "5")
    assert done.code == 3
    assert "run: running bomb.onnx took more than 5 s" in done.stderr
    assert "Hint: a limit of the process that runs the file; --memory and --timeout change it" in done.stderr


def test_results_of_before_stay_until_there_is_a_row(
    tmp_path: Path, picture: Path, zoo_here: Callable[..., Any]
) -> None:
    results = tmp_path / "old.csv"
    results.write_text("old,results\n")
    bomb = write_bomb(tmp_path, "a loop without an end")
    assert zoo_here("predict", bomb, picture, "--out", results, "--timeout", "1").code == 1
    assert results.read_text() == "old,results\n"


def test_nobody_hears_of_what_is_run(strange: Path, tmp_path: Path) -> None:
    """onnxruntime would look for a server of its maker's, and keep what it would send there."""
    home = tmp_path / "home"
    home.mkdir()
    for isolated in ("True", "False"):
        code = f"import sys; from zoo_core.runtime import open_model; open_model(sys.argv[1], isolated={isolated})"
        environment = {**os.environ, "HOME": str(home), "TMPDIR": str(home), "XDG_CACHE_HOME": str(home / ".cache")}
        environment.pop("ORT_DISABLE_TELEMETRY", None)
        subprocess.run([sys.executable, "-c", code, str(strange)], check=True, env=environment, timeout=60)
    assert [path.relative_to(home) for path in home.rglob("*") if path.is_file()] == []


def test_trusted_and_limits_contradict_each_other(strange: Path, picture: Path, zoo_here: Callable[..., Any]) -> None:
    done = zoo_here("predict", strange, picture, "--trusted", "--memory", "1")
    assert (done.code, "--trusted means no limits" in done.stderr) == (2, True)
    assert zoo_here("predict", strange, picture, "--trusted").code == 0


@LINUX
def test_a_process_that_dies_is_an_error_in_words_and_the_next_inputs_get_another(strange: Path) -> None:
    model = open_model(strange, isolated=True)
    for _ in range(3):
        assert model.run({"image": ROWS})["logits"].shape == (2, 3)
        os.kill(child_of(os.getpid()), signal.SIGKILL)
        with pytest.raises(ZooError, match=r"running .* failed: the process that runs it was killed by SIGKILL"):
            model.run({"image": ROWS})


@LINUX
def test_a_file_that_ends_three_processes_in_a_row_is_not_tried_again(tmp_path: Path) -> None:
    model = open_model(write_bomb(tmp_path, "a shape told by the input"), isolated=Limits(memory=400_000_000))
    for _ in range(2):
        with pytest.raises(ZooError, match=r"needed more than 0\.4 GB"):
            model.run({"image": ROWS[:1]})
    for _ in range(2):
        with pytest.raises(WrongExportError, match=r"needed more than 0\.4 GB"):
            model.run({"image": ROWS[:1]})


@pytest.mark.parametrize(("option", "value"), [("--memory", "nan"), ("--timeout", "inf"), ("--memory", "1e300")])
def test_limits_are_numbers_that_can_be(
    option: str, value: str, strange: Path, picture: Path, zoo_here: Callable[..., Any]
) -> None:
    for verb in (("predict", strange, picture), ("verify", strange)):
        done = zoo_here(*verb, option, value)
        assert done.code == 2, done.stderr


@pytest.mark.parametrize("limits", [{"memory": -1}, {"memory": "4GB"}, {"seconds": float("nan")}, {"seconds": 0}])
def test_limits_in_python_are_numbers_that_can_be(limits: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"is a number of (bytes|seconds) above 0 and below 1e15, not "):
        Limits(**limits)


def test_a_limit_of_time_is_told_in_python(tmp_path: Path) -> None:
    model = open_model(write_bomb(tmp_path, "a loop without an end"), isolated=Limits(seconds=1))
    with pytest.raises(ZooError, match="took more than 1 s") as caught:
        model.run({"image": ROWS[:1]})
    assert "isolated=Limits(memory=BYTES, seconds=SECONDS) changes it" in (caught.value.hint or "")


def child_of(parent: int) -> int:
    """The process that runs a file for another one."""
    found = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and parent_of(path) == parent]
    return next(pid for pid in found if "isolated_child" in words_of(pid))


def parent_of(process: Path) -> int | None:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return None


def words_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


@LINUX
def test_the_process_ends_with_the_one_that_started_it(tmp_path: Path) -> None:
    """Also in an endless loop, and when its parent has no time to say anything."""
    bomb = write_bomb(tmp_path, "a loop without an end")
    code = (
        "import sys, numpy as np; from zoo_core.runtime import open_model; model = open_model(sys.argv[1]);"
        "print('open', flush=True); model.run({'image': np.zeros((1, 1, 4, 4), np.float32)})"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(bomb)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        child = child_of(parent.pid)
        parent.kill()
    until = time.monotonic() + 30
    while "isolated_child" in words_of(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert "isolated_child" not in words_of(child)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_copy_of_the_process_may_not_use_the_child(strange: Path) -> None:
    code = (
        "import os, sys, numpy as np; from zoo_core.runtime import open_model\n"
        "model = open_model(sys.argv[1], isolated=True); rows = {'image': np.zeros((1, 1, 4, 4), np.float32)}\n"
        "if os.fork() == 0:\n"
        "    try: model.run(rows)\n"
        "    except Exception as error: print(error, flush=True)\n"
        "    os._exit(0)\n"
        "os.wait(); model.run(rows); print('still there')"
    )
    done = subprocess.run([sys.executable, "-c", code, str(strange)], capture_output=True, text=True, check=True)
    told, after = done.stdout.splitlines()
    assert "was opened by another process" in told
    assert after == "still there"
