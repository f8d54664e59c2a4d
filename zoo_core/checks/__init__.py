"""Conformance: what everybody may expect of a plugin. One function a rule, one promise each."""

from __future__ import annotations

from .rule import BrokenRuleError, Finding, NotApplicableError, Planned, Rule
from .runner import Check, CheckOptions, checks_of
from .watched import watched

__all__ = [
    "BrokenRuleError",
    "Check",
    "CheckOptions",
    "Finding",
    "NotApplicableError",
    "Planned",
    "Rule",
    "checks_of",
    "watched",
]
