"""How a verification report is shown to people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo_core.commands.common import print_json, say
from zoo_core.records import CheckResult, ExportReport

if TYPE_CHECKING:
    from zoo_core.verification.mutants import MutationScore

_MARKS = {"passed": "ok", "failed": "FAILED", "not-conclusive": "not conclusive", "skipped": "skipped"}


def show_report(
    report: ExportReport, *, as_json: bool, path: Path | None = None, mutants: MutationScore | None = None
) -> None:
    """The report, as plain JSON (with `path`) or as one line a rule; a rule that was not passed shows every result.

    `mutants`: what became of faults that were planted, under the key "mutants" or as a table.
    """
    if as_json:
        more = {} if mutants is None else {"mutants": mutants.to_json()}
        print_json({**report.to_json(), "path": str(path) if path else None, **more})
        return
    for rule in dict.fromkeys(check.rule for check in report.checks):
        results = [check for check in report.checks if check.rule == rule]
        for check in _worth_showing(results):
            say(f"  {check.rule:<13} {_MARKS[check.outcome]:<8} {check.detail}")
    say(f"{report.name}: {report.outcome}")
    if report.untrained:
        say("  untrained: its weights are fresh, for looking at the graph and timing, not for predictions")
    if mutants is not None:
        from .mutation_table import show_mutants

        show_mutants(mutants)


def _worth_showing(results: list[CheckResult]) -> list[CheckResult]:
    bad = [check for check in results if check.outcome != "passed"]
    return bad or results[:1]
