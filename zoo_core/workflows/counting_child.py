"""The child process that builds models to count their parameters: it may crash, hang or print."""

from __future__ import annotations

import faulthandler
import json
import os
import sys
from typing import Any

from zoo_core.building import builder_options
from zoo_core.errors import ZooError
from zoo_core.registry import Zoo, open_zoo

from .info import count_parameters


def main() -> None:
    """Read `{names, timeout}` as JSON from stdin, the names qualified; answer on what was stdout, a line each.

    First `{}`, or `{"missing": "torch"}`; then `{parameters, problem}` for each name, in order.
    """
    task = json.load(sys.stdin)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    with open(os.devnull, "r+b", buffering=0) as nothing:
        for standard in (0, 1, 2):  # whatever a plugin prints or asks, it cannot disturb the protocol
            os.dup2(nothing.fileno(), standard)
    try:
        import torch  # noqa: F401 said once, not of each model
    except ImportError:
        answers.write('{"missing": "torch"}\n')
        answers.flush()
        return
    zoo = open_zoo()
    answers.write("{}\n")
    for name in task["names"]:
        faulthandler.dump_traceback_later(task["timeout"], exit=True)
        answer = _count(zoo, name)
        faulthandler.cancel_dump_traceback_later()
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    os._exit(0)  # what a plugin left behind is not waited for


def _count(zoo: Zoo, name: str) -> dict[str, Any]:
    try:
        model = zoo.model(name)
        number, problem = count_parameters(model, builder_options(model.spec, {}))
    except ZooError as error:
        return {"parameters": None, "problem": error.message}
    return {"parameters": number, "problem": problem}
