"""What `zoo check` shows of its rules."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from zoo_core.commands.common import say, typed
from zoo_core.records import counted

if TYPE_CHECKING:
    from zoo_core.checks import Finding, Planned


def begin_rule(rule: Planned, *, new: bool) -> None:
    """Say whose rules come, and on a terminal which one is looked at; what came of it is written over that."""
    if new:
        say(rule.subject)
    if sys.stdout.isatty():
        sys.stdout.write(f"  {rule.rule}\r")


def next_after(subject: str) -> str:
    """The command that comes next for what was checked, `KIND NAME`."""
    kind, _, called = subject.partition(" ")
    return typed("list", "--plugin", called) if kind == "plugin" else typed("info", f"{kind}:{called}")


def outcome_count(outcome: str, number: int) -> str:
    """`3 failed`, `1 remark`."""
    return counted(number, "remark") if outcome == "remark" else f"{number} {outcome}"


def finding_line(finding: Finding) -> str:
    """What came of one rule."""
    mark = {"passed": "ok", "failed": "FAILED"}.get(finding.outcome, finding.outcome)
    return f"  {finding.rule:<32} {mark:<8} {finding.detail}".rstrip()
