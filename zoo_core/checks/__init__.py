"""Conformance: what everybody may expect of a plugin. One function a rule, one promise each.

Open `rule.py` first, then a file of `rules/`. `candidates/` are what rules are tried on, `apart/` the processes in
which plugins do it. `runner.py` chooses the rules for a name; `watched.py` runs them all in a process of their own, for
`zoo check`; `doctor/` is `zoo doctor`.
"""

from __future__ import annotations

from .rule import BrokenRuleError, Finding, NotApplicableError, Planned, RemarkError, Rule
from .runner import Check, CheckOptions, checks_of
from .watched import watched

__all__ = [
    "BrokenRuleError",
    "Check",
    "CheckOptions",
    "Finding",
    "NotApplicableError",
    "Planned",
    "RemarkError",
    "Rule",
    "checks_of",
    "watched",
]
