"""How a verification report is shown to people, and what follows from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo_core.commands.common import print_json, say
from zoo_core.errors import NotVerifiedError
from zoo_core.records import CheckResult, ExportReport, counted

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


def refuse_unverified(report: ExportReport, *, path: Path, mutants: MutationScore | None = None) -> None:
    """Raises NotVerifiedError with the first rule that was not passed, or with a fault that no rule sees."""
    if report.outcome != "verified":
        bad = next(check for check in report.checks if check.outcome not in {"passed", "skipped"})
        raise NotVerifiedError(f"{path} {report.outcome_in_words}: {bad.rule}: {bad.detail}", hint=_what_to_do(bad))
    if mutants is not None and mutants.visible:
        raise NotVerifiedError(
            f"the check of {path} does not see {counted(len(mutants.visible), 'fault')}, such as "
            f"{mutants.visible[0].name}",
            hint="the file itself is verified; the check is too weak for it: please report this",
        )


def _what_to_do(bad: CheckResult) -> str:
    if bad.rule == "provider":
        return "the file is right on the processor; do not use it on this provider"
    if "needed more than" in bad.detail or "took more than" in bad.detail:
        return "a limit of the process that runs the file; --memory and --timeout change it"
    return "do not use this file; fetch it or export it again"


def _worth_showing(results: list[CheckResult]) -> list[CheckResult]:
    bad = [check for check in results if check.outcome != "passed"]
    return bad or results[:1]
