"""Something of ours, done in a Python process of its own, with the answer as plain JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from .rule import BrokenRuleError

SECONDS = 300.0
NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
"""Audit events of a process that asks the network."""

# What a plugin prints is not the answer: stdout is put away before anything of it is loaded.
_BOOT = """
import importlib, json, os, sys
task = json.loads(sys.stdin.read())
sys.path[:] = task["path"]
answer = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
module, _, name = task["call"].partition(":")
found = getattr(importlib.import_module(module), name)(*task["arguments"], **task["named"])
answer.write(json.dumps(found))
answer.flush()
os._exit(0)
"""


def command() -> list[str]:
    """The command line of such a process; it reads what to do from stdin (see `task_text`)."""
    return [sys.executable, "-P", "-c", _BOOT]


def task_text(call: str, *arguments: Any, **named: Any) -> str:
    """What the process reads: call `module:function` with these plain values."""
    return json.dumps({"path": sys.path, "call": call, "arguments": arguments, "named": named})


def in_child(call: str, *arguments: Any, environment: Mapping[str, str] | None = None, **named: Any) -> Any:
    """What `module:function` returns in a process of its own. Raises BrokenRuleError when it does not return."""
    try:
        done = subprocess.run(
            command(),
            input=task_text(call, *arguments, **named),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env={**os.environ, **(environment or {})},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BrokenRuleError(f"it does not come to an end within {SECONDS:g} s") from None
    if done.returncode == 0 and done.stdout:
        return json.loads(done.stdout)
    lines = done.stderr.strip().splitlines() or ["it says nothing"]
    raise BrokenRuleError(f"its process ends with exit code {done.returncode}: {lines[-1]}")
