"""Every rule for a name, looked at in a process of its own: what a plugin does there cannot end or hold up this one."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from zoo_core.checks.apart.own_process import raised
from zoo_core.checks.runner import CheckOptions
from zoo_core.children.parent import GRACE_SECONDS, Child, ending_of
from zoo_core.discovery.place import place_in_report
from zoo_core.environment import seconds_from
from zoo_core.errors import NotVerifiedError

from .rule import Finding, Planned

RULE_SECONDS = 600.0
"""A rule that is not through after that is broken."""
VARIABLE = "ZOO_RULE_TIMEOUT"
"""The environment variable with other seconds."""
PLAN_SECONDS = 600.0
"""To load what a plugin offers, and what the rules need; nobody's builder is called."""


def watched(
    name: str, given: CheckOptions | None = None, *, limit: float | None = None
) -> Generator[Planned | Finding, None, None]:
    """Each rule of `checks_of(open_zoo(), name, given)` before it is looked at, and then what came of it.

    A rule that ends its process, or takes longer than `limit` seconds (default: ZOO_RULE_TIMEOUT, or 600), is broken,
    and another process goes on with the next one. Raises what `checks_of` raises, and NotVerifiedError when finding out
    which rules there are ends the process already. Close the generator to end the process.
    """
    limit = seconds_from(VARIABLE, default=RULE_SECONDS) if limit is None else limit
    planned: list[Planned] | None = None
    done = 0
    while planned is None or done < len(planned):
        before = done
        task = {
            "name": name,
            "given": asdict(given or CheckOptions()),
            "done": done,
            "plan_limit": PLAN_SECONDS,
            "limit": limit,
        }
        with Child("zoo_core.checks.watched_child:main", task, shown=True, clears_up=True) as child:
            found = _plan(child)
            if planned is None:
                planned = _first_plan(name, found)
            if found == planned:
                for each in _findings(child, planned[done:], limit=limit):
                    done += isinstance(each, Finding)
                    yield each
        if done == before:
            # Nobody's fault in particular, and another process would come no further.
            why = (
                found
                if isinstance(found, str)
                else "a second process finds other rules, or ends before this one is checked"
            )
            for rule in planned[done:]:
                yield from (rule, rule.judged("failed", why, seconds=0.0))
            return


def _first_plan(name: str, found: list[Planned] | str) -> list[Planned]:
    if isinstance(found, str):
        raise NotVerifiedError(
            f"{name} cannot be checked: {found}", hint="no rule covers finding out what it offers: see zoo plugins"
        )
    return found


def _plan(child: Child) -> list[Planned] | str:
    """The rules that the child will look at, or why it does not say. Raises what it could not begin with."""
    message = _next(child, limit=PLAN_SECONDS)
    if message is None:
        return _why(child, limit=PLAN_SECONDS, what="its rules are known")
    if "error" in message:
        raise raised(**message["error"])
    if "bug" in message:
        raise RuntimeError(message["bug"])
    return [Planned(**row) for row in message["plan"]]


def _findings(child: Child, left: Sequence[Planned], *, limit: float) -> Iterator[Planned | Finding]:
    """As far as this child comes, to the end of the first rule that it does not come through."""
    for rule in left:
        # A child that ends here is between two rules: another one shall find out whether it is this one's fault.
        if _next(child, limit=limit) is None:
            return
        yield rule
        start = time.monotonic()
        message = _next(child, limit=limit)
        if message is None:
            seconds = time.monotonic() - start
            why = _why(child, limit=limit, what="the rule has finished")
            yield rule.judged("failed", f"{why}{place_in_report(child.report, rule.module)}", seconds=seconds)
            return
        if "error" in message:
            raise raised(**message["error"])
        yield Finding(**message["finding"])


def _next(child: Child, *, limit: float) -> dict[str, Any] | None:
    """The next message; None from a child that has ended, or has to be ended."""
    try:
        return child.message(limit + GRACE_SECONDS)
    except TimeoutError:
        return None


def _why(child: Child, *, limit: float, what: str) -> str:
    """Why a child says no more."""
    code = child.exit_code()
    if code is None or child.alarm_rang:
        return f"it does not finish within {limit:g} s ({VARIABLE})"
    asked = ": does it call os._exit?" if code >= 0 else ""
    return f"its process {ending_of(code)} before {what}{asked}"
