"""What a rule of conformance is, and what comes of it for one candidate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from zoo_core.errors import ZooError, in_words
from zoo_core.records import Record

Stage = Literal["import", "build", "forward", "train", "export", "load", "fit"]
Outcome = Literal["passed", "failed", "skipped", "remark"]


class BrokenRuleError(Exception):
    """The candidate does not keep the promise; the message says what was seen.

    `causes`: what it comes of, such as "torch", where one thing breaks several rules of a plugin: it is told by the
    first of them alone.
    """

    def __init__(self, message: str, *, causes: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.causes = tuple(causes)


class RemarkError(Exception):
    """Nothing is broken today, and will be one day, or could be said better; the message says what was seen."""


class NotApplicableError(Exception):
    """The promise says nothing about this candidate, or cannot be looked at here; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One promise that a plugin of the zoo keeps.

    `test(candidate)` returns when it is kept, and raises BrokenRuleError, RemarkError or NotApplicableError otherwise;
    whatever the plugin raises inside breaks the rule too. `why` is the docstring of the test. `stage`: how far a user
    has come when it matters.
    """

    name: str
    stage: Stage
    why: str
    test: Callable[[Any], None]

    @property
    def promise(self) -> str:
        """The first sentence of `why`."""
        return " ".join(self.why.partition("\n\n")[0].split())


def rules(stage: Stage, *tests: Callable[[Any], None]) -> tuple[Rule, ...]:
    """The tests as rules; a rule is called like its function, with dashes."""
    return tuple(
        Rule(name=test.__name__.replace("_", "-"), stage=stage, why=(test.__doc__ or "").strip(), test=test)
        for test in tests
    )


@dataclass(frozen=True, kw_only=True)
class Finding(Record):
    """What came of one rule for one candidate.

    `expected` is the reason that the plugin gives for a failure that it declares; such a rule counts as skipped.
    `promise` is what the rule asks for.
    """

    subject: str
    rule: str
    outcome: Outcome
    seconds: float
    detail: str = ""
    expected: str = ""
    promise: str = ""


@dataclass(frozen=True, kw_only=True)
class Planned(Record):
    """One rule for one subject, as plain data.

    `expected` is the reason for a failure that the plugin declares, `module` the one that its entry point names.
    """

    subject: str
    rule: str
    promise: str
    module: str
    expected: str = ""

    def judged(self, outcome: Outcome, detail: str = "", *, seconds: float) -> Finding:
        """What came of it; a declared failure is skipped, and one that did not happen fails."""
        expected = self.expected
        if expected and outcome == "failed":
            outcome, detail = "skipped", f"expected to fail, {expected}: {detail}"
        elif expected and outcome == "passed":
            outcome, detail = "failed", f"it passes, but expected_failures says {expected!r}: take it out"
            expected = ""
        return Finding(
            subject=self.subject,
            rule=self.rule,
            outcome=outcome,
            seconds=round(seconds, 3),
            detail=detail,
            expected=expected,
            promise=self.promise,
        )


def same_error(error: BaseException) -> str:
    """By what an error is known again, whoever has caught it on the way: its first cause in words; empty where it says
    nothing but its class."""
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, ZooError):
        return error.message
    return text if ": " in (text := in_words(error)) else ""
