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
from warm import Kind, WarmProcess, must_be_cold, run_code, start_program, warm

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="programs always start cold on this system"),
]
PIPES = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}


@pytest.mark.parametrize("kind", ["heavy", "light"])
def test_it_has_one_thread_and_no_module_of_ours_and_no_onnxruntime(kind: Kind) -> None:
    assert warm(kind).threads == 1
    assert not {"zoo_core", "zoo_plugins", "onnxruntime"} & warm(kind).loaded
    assert "numpy" in warm(kind).loaded
    heavy = {"torch", "torchvision", "onnx", "onnxscript", "safetensors", "matplotlib"}
    assert warm(kind).loaded & heavy == (heavy if kind == "heavy" else set())


def test_what_needs_no_torch_runs_where_none_is_loaded(tmp_path: Path) -> None:
    code = "import sys; print('torch' in sys.modules, sorted({'numpy', 'onnx'} & set(sys.modules)))"
    with WarmProcess(["-c"], cwd=tmp_path, env=os.environ, code=code, kind="light", **PIPES) as child:
        assert child.communicate() == ("False ['numpy']\n", "")


def test_a_fork_starts_its_children_in_the_light_process(tmp_path: Path) -> None:
    """Each that runs a file of an export; and it waits for it, or ends it, as with any other."""
    code = """
import os, subprocess, sys
from zoo_core.verification.subject import subject
with subject.children_ready(1):
    (child,) = subject._waiting.get()
    print(type(child).__name__, child.kind, child.poll())
print(child.returncode)
"""
    for kind in ("heavy", "light"):
        with WarmProcess(["-c"], cwd=tmp_path, env=os.environ, code=code, kind=kind, **PIPES) as process:
            assert process.communicate() == ("WarmProcess light None\n-9\n", "")


def test_what_packages_do_to_the_environment_here_makes_no_start_cold() -> None:
    warm("heavy"), warm("light")
    for name in ("torchvision", "sklearn", "matplotlib.pyplot"):
        importlib.import_module(name)
    assert not must_be_cold(os.environ, "heavy")
    assert not must_be_cold(os.environ, "light")


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
    assert ours.pop("fd") == theirs.pop("fd") + 2  # the lines to the warm processes are open too
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


def test_what_may_use_less_than_others_starts_no_child_that_may_use_more(tmp_path: Path) -> None:
    code = """
import os, resource
from warm import must_be_cold
print(must_be_cold(os.environ, "light"))
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
print(must_be_cold(os.environ, "light"))
"""
    assert run_code(code, cwd=tmp_path).stdout == "False\nTrue\n"


@pytest.mark.parametrize(("command", "kind"), [("info", ""), ("info", "heavy"), ("predict", "light")])
def test_a_program_is_told_apart_by_how_it_starts(command: str, kind: str, tmp_path: Path) -> None:
    with start_program(command, cwd=tmp_path, cold=not kind, **PIPES) as child:
        stderr = child.communicate(timeout=60)[1]
    assert child.returncode == 2
    assert stderr.startswith("Error: Missing ")
    assert (child.kind if isinstance(child, WarmProcess) else "") == kind
