"""The export: plan -> write -> clean -> verify -> publish."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from zoo_core.bundle_files import MODEL_FILE, REPORT_FILE
from zoo_core.environment import package_versions
from zoo_core.errors import FailedForwardError, NotVerifiedError
from zoo_core.files import json_text, sha256_of, write_atomic
from zoo_core.plugin_faults import blamed_on
from zoo_core.records import CheckResult, ExportReport, counted
from zoo_core.runtime.reading.wire import read_onnx
from zoo_core.runtime.vetting.known import remember
from zoo_core.torch_modules import fresh_module
from zoo_core.verification.expect.bounds import Reference
from zoo_core.verification.subject.subject import children_ready

from .attempt import VERSIONED, Attempt
from .attempts import Progress, best_attempt
from .blame.inquiry import RULE as BLAME
from .check.check import Verdict
from .convert.sizes_taken import failure_told, sizes_tried
from .plan.layer import layer_output
from .plan.plan import ExportPlan
from .publish.card import model_card
from .publish.publish import building, check_target, keep_rejected, publish
from .reference.expected import started_expected
from .reference.reference import TorchReference, call_module

CAUSES = (BLAME, "axes")
"""Rules whose detail says why, which the message of a rejected export repeats."""


class RejectedExportError(NotVerifiedError):
    """An export that was not verified; `report` says why, rule by rule."""

    def __init__(self, report: ExportReport, *, kept: Path | None) -> None:
        bad = [check for check in report.checks if check.outcome not in {"passed", "skipped"}]
        first = f"{bad[0].rule}: {bad[0].detail}" if bad else "no rule could be applied"
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        more += "".join(f"; {check.detail}" for check in bad[1:] if check.rule in CAUSES)
        where = f"the rejected folder is {kept}" if kept else "zoo export --keep-rejected keeps the folder for a look"
        super().__init__(
            f"the export of {report.name} {report.outcome_in_words}: {first}{more}",
            hint=f"nothing was published; {where}",
        )
        self.report = report


def export(
    plan: ExportPlan, target: Path, *, keep: bool = False, progress: Progress = lambda stage: None
) -> ExportReport:
    """Convert, check and publish as the folder `target`; what stood there is replaced only by a verified export.

    Raises RejectedExportError with the report when the outcome is not `verified`; `keep` then keeps the folder as
    `NAME.rejected`.
    """
    # Absolute, so that "." has a name; not resolved, so that a link is seen as one.
    target = Path(os.path.abspath(target))
    check_target(target)
    with building(target) as folder:
        with blamed_on(plan.model):
            report = build_and_check(plan, folder, progress=progress)
        if report.outcome != "verified":
            raise RejectedExportError(report, kept=keep_rejected(folder, target) if keep else None)
        progress("publishing")
        publish(folder, target)
        remember(read_onnx(target / MODEL_FILE), digests=report.files)
    return report


def build_and_check(plan: ExportPlan, folder: Path, *, progress: Progress) -> ExportReport:
    """Write the whole bundle into `folder` and judge it; the report is written there too, whatever the outcome."""
    kind: Reference = "relative"
    try:
        reference = reference_of(plan)
        # One child for the file and one for the values between its nodes.
        with started_expected(plan, reference, progress=progress) as expected, children_ready(2):
            attempt = best_attempt(plan, folder, reference=reference, expected=expected, progress=progress)
            kind = expected().kind
    except NotVerifiedError as error:
        failed = CheckResult(rule="reference", outcome="failed", detail=_why_no_reference(plan, error))
        attempt = Attempt(plan=plan, verdict=Verdict(checks=(failed,)))
    report = _report(attempt, kind=kind)
    write_atomic(folder / "README.md", model_card(attempt.plan, report, files=tuple(attempt.digests or ())))
    report = _sealed(report, folder, attempt.digests)
    write_atomic(folder / REPORT_FILE, json_text(report.to_json()))
    return report


def reference_of(plan: ExportPlan) -> TorchReference:
    """PyTorch's side of the check of `plan`."""
    return TorchReference(
        plan.build,
        plan.checkpoint,
        outputs=tuple(plan.outputs),
        read=plan.model.spec.read_outputs,
        batch_is_free=plan.batch_is_free,
        # What the layer of the untouched module gives, and not what stands for it in the export.
        call=call_module if plan.layer is None else partial(layer_output, layer=plan.layer),
    )


def _report(attempt: Attempt, *, kind: Reference) -> ExportReport:
    plan = attempt.plan
    return ExportReport(
        outcome=attempt.verdict.outcome,
        name=plan.name,
        model=plan.model.name,
        run=plan.run,
        opset=plan.opset,
        axes={name: spec.axes for name, spec in {**plan.inputs, **plan.outputs}.items()},
        untrained=plan.untrained,
        fixed_axes=plan.fixed_axes,
        described=attempt.described,
        layer=plan.layer,
        reference=kind,
        checks=(*attempt.verdict.checks, *_told_of_weights(plan)),
        outputs=attempt.verdict.outputs,
        versions=package_versions(VERSIONED),
    )


def _why_no_reference(plan: ExportPlan, error: NotVerifiedError) -> str:
    if not isinstance(error, FailedForwardError):
        return f"{error.message}{sizes_tried(plan)}"
    return failure_told(plan, fresh_module(plan.build, plan.checkpoint), error)


def _told_of_weights(plan: ExportPlan) -> Iterator[CheckResult]:
    """Lines of the report, where the builder brings weights of its own, or a file names them in another way."""
    if plan.own:
        named = sum(name in plan.own for name in plan.checkpoint)
        tensors = f"{named} of {counted(len(plan.checkpoint), 'tensor')}"
        text = f"{tensors} are the builder's own, whatever the seed: none was altered"
        yield CheckResult(rule="own weights", outcome="passed", detail=text)
    if plan.renamed:
        yield CheckResult(rule="names of weights", outcome="passed", detail=plan.renamed)


def _sealed(report: ExportReport, folder: Path, digests: Mapping[str, str] | None) -> ExportReport:
    """The report with the sha256 of every file; failed when the model is not the one that was written and checked."""
    report = dataclasses.replace(report, files=_hashes(folder))
    changed = [name for name, digest in (digests or {}).items() if report.files.get(name) != digest]
    if not changed:
        return report
    failed = CheckResult(rule="files", outcome="failed", detail=f"{changed[0]} was changed while it was being checked")
    return dataclasses.replace(report, outcome="failed", checks=(*report.checks, failed))


def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != REPORT_FILE)
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in files}
