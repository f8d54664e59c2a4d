"""Rule "onnx.checker": the onnx package's own check of a file; that of a stranger's file in a process of its own."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from zoo_core.children.watch import Watch
from zoo_core.records import CheckResult
from zoo_core.runtime.running.isolated import Limits
from zoo_core.utf8_paths import in_utf8
from zoo_core.verification.subject.subject import TIME_LIMIT_SECONDS

RULE = "onnx.checker"


def onnx_checker(model: Path, limits: Limits | None = None) -> CheckResult:
    """The onnx package's full check of the file; skipped where that package is not installed.

    With `limits` in a process of its own: shapes are inferred from what the file says, however much that is.
    """
    if importlib.util.find_spec("onnx") is None:
        text = "the onnx package, which the extra 'train' brings, is not installed"
        return CheckResult(rule=RULE, outcome="skipped", detail=text)
    with in_utf8(Path(os.path.abspath(model))) as path:
        problem = _problem(path) if limits is None else _problem_found_apart(path, limits)
    if problem is not None:
        return CheckResult(rule=RULE, outcome="failed", detail=problem)
    return CheckResult(rule=RULE, outcome="passed", detail="full check")


def _problem(model: Path) -> str | None:
    try:
        # By name: the base install has no onnx, and nothing here may depend on it.
        importlib.import_module("onnx.checker").check_model(str(model), full_check=True)
    except Exception as error:  # noqa: BLE001 whatever the checker raises, it has not passed
        return " ".join(str(error).split())[:300] or type(error).__name__
    return None


def _problem_found_apart(model: Path, limits: Limits) -> str | None:
    command = [sys.executable, "-P", "-m", "zoo_core.verification.conclude.onnx_check", str(model)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        watch = Watch(child, memory=limits.memory)
        with watch.step(limits.seconds or TIME_LIMIT_SECONDS):
            told = child.communicate()[0].decode(errors="replace")
    if watch.exceeded is not None:
        return f"checking {model.name} {watch.exceeded}"
    if child.returncode != 0:
        return f"checking {model.name} ended with exit code {child.returncode}"
    return told or None


if __name__ == "__main__":
    sys.stdout.write(_problem(Path(sys.argv[1])) or "")
