"""A model stage by stage, as far as it gets: import, build, forward, export, load, parity."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from zoo_core.checks.rule import Finding
from zoo_core.checks.runner import Check, CheckOptions, checks_of
from zoo_core.errors import ZooError
from zoo_core.registry import Zoo

from .machine import Row

STAGES = ("import", "build", "forward", "export", "load", "parity")

GATES = ("loads", "builds-with-defaults", "gives-what-it-declares")
"""Rules without which nothing comes through their stage."""

_NOT_CONVERTED = ("conversion",)
_NOT_LOADED = ("structure", "run", "metadata")


def model_rows(zoo: Zoo, name: str, given: CheckOptions) -> Iterator[Row]:
    """A row for each stage of the model of that name; after one that nothing comes through the others are skipped.

    A stage has the rules of conformance that belong to it. Raises UsageError for a name that is no model's and for
    options that are mistyped, before anything is looked at.
    """
    entry = zoo.find("model", name.removeprefix("model:"))
    own = checks_of(zoo, f"model:{entry.qualified}", given)
    plugin = checks_of(zoo, f"plugin:{entry.plugin}")
    importing = [check for check in plugin if check.candidate.shown.startswith("plugin ")]
    return _rows([*importing, *own], candidate=own[0].candidate)


def _rows(checks: Sequence[Check], *, candidate: Any) -> Iterator[Row]:
    stopped = False
    for stage in STAGES[:3]:
        if stopped:
            yield Row(stage=stage, outcome="skipped", detail="not reached")
            continue
        findings, row = _judged(stage, [check for check in checks if check.rule.stage == stage])
        yield row
        stopped = any(finding.outcome == "failed" and finding.rule in GATES for finding in findings)
    if stopped:
        yield from (Row(stage=stage, outcome="skipped", detail="not reached") for stage in STAGES[3:])
    else:
        yield from _export_rows(candidate)


def _judged(stage: str, checks: Sequence[Check]) -> tuple[list[Finding], Row]:
    start = time.perf_counter()
    findings = [check.run() for check in checks]
    bad = [finding for finding in findings if finding.outcome == "failed"]
    seconds = round(time.perf_counter() - start, 3)
    if bad:
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        detail = f"{bad[0].rule}: {bad[0].detail}{more}"
        return findings, Row(stage=stage, outcome="failed", detail=detail, hint=bad[0].promise, seconds=seconds)
    return findings, Row(stage=stage, outcome="ok", detail=_counted(findings), seconds=seconds)


def _counted(findings: Sequence[Finding]) -> str:
    passed = sum(finding.outcome == "passed" for finding in findings)
    expected = sum(bool(finding.expected) for finding in findings)
    skipped = len(findings) - passed - expected
    more = f", {expected} are expected to fail" if expected else ""
    return f"{passed} rules hold{more}" + (f", {skipped} do not apply" if skipped else "")


def _export_rows(candidate: Any) -> Iterator[Row]:
    """The last three stages, from the report of one export: is it converted, does it load, is it right?"""
    from zoo_core.checks.rules.export_rules import exported

    start = time.perf_counter()
    try:
        report = exported(candidate)
    except ZooError as error:
        yield Row(stage="export", outcome="failed", detail=error.message, hint=error.hint or "")
        yield from (Row(stage=stage, outcome="skipped", detail="not reached") for stage in STAGES[4:])
        return
    seconds = round(time.perf_counter() - start, 3)
    bad = [check for check in report["checks"] if check["outcome"] not in {"passed", "skipped"}]
    guilty = next((_stage_of(check["rule"]) for check in bad), None)
    for stage in STAGES[3:]:
        if guilty is not None and STAGES.index(stage) > STAGES.index(guilty):
            yield Row(stage=stage, outcome="skipped", detail="not reached")
        elif stage == guilty:
            yield _blamed(stage, bad)
        else:
            yield Row(
                stage=stage, outcome="ok", detail=_good(stage, report), seconds=seconds if stage == "export" else None
            )


def _stage_of(rule: str) -> str:
    if rule in _NOT_CONVERTED:
        return "export"
    return "load" if rule in _NOT_LOADED else "parity"


def _blamed(stage: str, bad: Sequence[dict[str, Any]]) -> Row:
    """The first rule that did not pass, and the node and source line that are guilty where they are known."""
    first = bad[0]
    blame = "".join(f"; {check['detail']}" for check in bad[1:] if check["rule"] == "blame")
    return Row(
        stage=stage,
        outcome="failed",
        detail=f"{first['rule']}: {first['detail']}{blame}",
        hint="zoo export --keep-rejected keeps the file for a look",
    )


def _good(stage: str, report: dict[str, Any]) -> str:
    if stage == "export":
        return f"opset {report['opset']}" + "".join(
            f"; {check['detail']}" for check in report["checks"] if check["rule"] == "exporter"
        )
    if stage == "load":
        return "onnxruntime runs it; structure and metadata are as planned"
    worst = max(report["outputs"], key=lambda output: output["floors"] or 0.0, default=None)
    within = f", at most {worst['floors']:.2g} rounding floors from float64" if worst else ""
    return f"{report['outcome']}{within}"
