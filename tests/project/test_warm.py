"""A fork of the warm process is as good as a fresh one, for all that tests look at."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from warm import WarmProcess, must_be_cold, run_code, start_program, warm

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="programs always start cold on this system"),
]
PIPES = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}


def test_it_has_one_thread_and_no_module_of_ours_and_no_onnxruntime() -> None:
    assert warm().threads == 1
    assert "torch" in warm().loaded
    assert not {"zoo_core", "zoo_plugins", "onnxruntime"} & warm().loaded


def test_what_packages_do_to_the_environment_here_makes_no_start_cold() -> None:
    warm()
    importlib.import_module("torchvision")
    assert not must_be_cold(os.environ)


def test_what_a_fork_sees_is_what_a_fresh_process_sees(tmp_path: Path) -> None:
    code = """
import json, os, signal, sys
sys.stderr.write("told\\n")
print(json.dumps({
    "cwd": os.getcwd(), "path": sys.path[-5:], "env": sorted(set(os.environ) - {"LC_CTYPE"}), "argv": sys.argv,
    "fd": len(os.listdir("/proc/self/fd")),
    "main": __name__, "typed": sys.stdin.read(), "int": str(signal.getsignal(signal.SIGINT)),
    "encoding": [each.encoding for each in (sys.stdin, sys.stdout, sys.stderr)],
    "errors": [each.errors for each in (sys.stdin, sys.stdout, sys.stderr)],
}))
"""
    forked = run_code(code, cwd=tmp_path)
    command = [sys.executable, "-c", code]
    fresh = subprocess.run(command, cwd=tmp_path, env=dict(os.environ), text=True, check=True, **PIPES)
    ours, theirs = forked.json, json.loads(fresh.stdout)
    assert ours.pop("fd") == theirs.pop("fd") + 1  # the line to the warm process is open too
    assert ours == theirs
    assert (forked.code, forked.stderr) == (0, fresh.stderr)


@pytest.mark.parametrize(
    ("code", "expected", "told"),
    [
        ("raise SystemExit(7)", 7, ""),
        ("raise SystemExit('no')", 1, "no\n"),
        ("raise SystemExit", 0, ""),
        ("1 / 0", 1, "ZeroDivisionError: division by zero\n"),
        ("import os; os._exit(5)", 5, ""),
        ("import os; os.kill(os.getpid(), 9)", -9, ""),
        ("import os; os.abort()", -6, ""),
        ("import atexit; atexit.register(lambda: print('bye', flush=True)); print('x')", 0, ""),
    ],
)
def test_how_it_ends(code: str, expected: int, told: str, tmp_path: Path) -> None:
    done = run_code(code, cwd=tmp_path)
    assert done.code == expected
    assert done.stderr.endswith(told)
    assert done.stdout == ("x\nbye\n" if "bye" in code else "")


def test_signals_and_time_limits_reach_it(tmp_path: Path) -> None:
    waiting = "import time; print('ready', flush=True); time.sleep(100)"
    for number in (signal.SIGTERM, signal.SIGINT):
        with WarmProcess(["-c"], cwd=tmp_path, env=os.environ, code=waiting, **PIPES) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            assert child.poll() is None
            child.send_signal(number)
            assert child.wait(10) == (-number if number == signal.SIGTERM else 1)
    grandchild = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(100)'])"
    begun = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        run_code(grandchild, cwd=tmp_path, timeout=1)
    assert time.monotonic() - begun < 30


def test_chance_is_another_in_each(tmp_path: Path) -> None:
    code = "import random, numpy; print(random.random(), numpy.random.rand())"
    first, second = (run_code(code, cwd=tmp_path).stdout.split() for _ in range(2))
    assert first[0] != second[0]
    assert first[1] != second[1]


def test_what_a_starting_python_looks_at_needs_a_cold_start(tmp_path: Path) -> None:
    usual = dict(os.environ)
    assert not must_be_cold(usual)
    assert not must_be_cold({**usual, "ZOO_CACHE": "elsewhere", "COLUMNS": "60"})
    assert must_be_cold({**usual, "PYTHONHASHSEED": "1"})
    assert must_be_cold({**usual, "OMP_NUM_THREADS": "3"})
    for name in ("sitecustomize.py", "torch", "matplotlib.py"):
        folder = tmp_path / name.partition(".")[0]
        folder.mkdir()
        assert not must_be_cold({**usual, "PYTHONPATH": str(folder)})
        folder.joinpath(name).touch()
        assert must_be_cold({**usual, "PYTHONPATH": str(folder)})


@pytest.mark.parametrize(("cold", "command"), [(True, "info"), (False, "info"), (False, "predict")])
def test_a_program_is_told_apart_by_how_it_starts(cold: bool, command: str, tmp_path: Path) -> None:
    with start_program(command, cwd=tmp_path, cold=cold, **PIPES) as child:
        stderr = child.communicate(timeout=60)[1]
    assert child.returncode == 2
    assert stderr.startswith("Error: Missing ")
    assert isinstance(child, WarmProcess) == (not cold and command == "info")
