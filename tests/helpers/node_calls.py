"""Calls of JavaScript, answered by a program in node that stays without npm."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

SECONDS = 120

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


def ask_node(program: Path, folder: Path, calls: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """`{value}` or `{error}` for each of the calls, all of them in one process; `folder` has the modules."""
    done = subprocess.run(
        ["node", str(program), str(folder)],
        input=json.dumps(list(calls)),
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers
