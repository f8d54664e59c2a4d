"""`zoo verify --provider`: the self-test of a file on what is not the processor, within what that declares."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from zoo_core.errors import UnverifiedWarning
from zoo_core.records import CheckResult, ExportReport, counted
from zoo_core.runtime.running.compared import Agreement, agreement, worst
from zoo_core.runtime.running.isolated import Isolated
from zoo_core.runtime.running.model import ExportedModel, open_model
from zoo_core.runtime.running.provider_verdicts import ProviderVerdict, forget_verdict, keep_verdict, nodes_by_provider
from zoo_core.runtime.running.providers import PROVIDERS
from zoo_core.verification import self_test_cases

RULE = "provider"


def verify_on(path: Path, provider: str, *, isolated: Isolated = None) -> CheckResult:
    """Hold the answers of a provider against those of the processor, on the inputs of the self-test, in each size.

    The processor computes as the file says, not optimised. The bounds of the self-test are for float32; a provider that
    declares to round more coarsely may be off by as many times more. It has to compute a part of the graph itself. The
    verdict is noted in the user's state folder. Raises ZooError where the provider cannot be had, or cannot run it.
    """
    with closing(open_model(path, optimization="none", isolated=isolated)) as usual:
        forget_verdict(usual.file, provider)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnverifiedWarning)
            asked = open_model(path, provider=provider, isolated=isolated)
        with closing(asked):
            verdict = _verdict(usual, asked, provider)
    keep_verdict(usual.file, verdict)
    return CheckResult(rule=RULE, outcome="passed" if verdict.is_right else "failed", detail=verdict.detail)


def also_on(provider: str | None, report: ExportReport, path: Path, *, isolated: Isolated = None) -> ExportReport:
    """The report of a file that was checked on the processor, with what `verify_on` says of the provider, if there is
    one; a file that is bad already is not run again."""
    if provider is None or report.outcome != "verified":
        return report
    check = verify_on(path, provider, isolated=isolated)
    outcome = report.outcome if check.outcome == "passed" else "failed"
    return dataclasses.replace(report, checks=(*report.checks, check), outcome=outcome)


def _verdict(usual: ExportedModel, asked: ExportedModel, provider: str) -> ProviderVerdict:
    cases = self_test_cases(usual.metadata)
    if not cases:
        return ProviderVerdict(provider=provider, is_right=False, detail="the file holds no self-test")
    found = worst(list(_agreements(usual, asked, provider)))
    one_row = {name: rows[:1] for name, rows in cases[0].inputs().items()}
    nodes = nodes_by_provider(asked.file, provider, one_row)
    placed = ", ".join(f"{counted(count, 'node')} on {name}" for name, count in sorted(nodes.items()))
    if not nodes.get(provider):
        detail = f"{provider} computes nothing of this file: {placed or 'no node ran'}"
        return ProviderVerdict(provider=provider, is_right=False, detail=detail)
    told = f"{str(found).removeprefix('WRONG: ')}, for {PROVIDERS[provider].precision}; {placed}"
    return ProviderVerdict(provider=provider, is_right=found.is_right, detail=told)


def _agreements(usual: ExportedModel, asked: ExportedModel, provider: str) -> Iterator[Agreement]:
    loss = PROVIDERS[provider].loss
    for case in self_test_cases(usual.metadata):
        inputs = case.inputs()
        yield agreement(asked.run_rows(inputs), usual.run_rows(inputs), bounds=case.bounds, loss=loss)
