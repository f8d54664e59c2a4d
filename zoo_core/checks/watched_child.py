"""The process in which the rules for a name are looked at: whatever a plugin does in it, the parent tells it."""

from __future__ import annotations

import os
import traceback

from zoo_core.checks.apart.own_process import told
from zoo_core.checks.runner import Check, CheckOptions, checks_of
from zoo_core.children.child import Line
from zoo_core.errors import TemporaryFolderError, ZooError
from zoo_core.registry import open_zoo


def main(line: Line) -> None:
    """Look at the rules of the task, `{name, given, done, plan_limit, limit}`, but for so many that are `done`.

    Says first `{plan}`, or `{error}` or `{bug}`; then for each rule `{begin}` with its number, and `{finding}`.
    `limit` is in seconds a rule, `plan_limit` until they are known.
    """
    task = line.task
    try:
        with line.limit(task["plan_limit"]):
            checks = checks_of(
                open_zoo(), task["name"], CheckOptions(**{**task["given"], "only": tuple(task["given"]["only"])})
            )
    except ZooError as error:
        _tell_developers(error)
        line.send(told(error))
        return
    except Exception as error:  # noqa: BLE001 ours: the parent says so, as of every bug
        _tell_developers(error)
        line.send({"bug": f"{type(error).__name__}: {error}"})
        return
    line.send({"plan": [check.planned.to_json() for check in checks]})
    for number in range(task["done"], len(checks)):
        line.send({"begin": number})
        _look_at(checks[number], line)


def _look_at(check: Check, line: Line) -> None:
    try:
        with line.limit(line.task["limit"]):
            finding = check.run()
    except TemporaryFolderError as error:
        line.send(told(error))
        return
    except KeyboardInterrupt:
        # From the parent, which does not listen any more, or from the plugin; either way this process is at its end.
        line.send({"finding": check.planned.judged("failed", "it raises KeyboardInterrupt", seconds=0.0).to_json()})
        raise
    line.send({"finding": finding.to_json()})


def _tell_developers(error: BaseException) -> None:
    if os.environ.get("ZOO_DEBUG") == "1":
        traceback.print_exception(error)
