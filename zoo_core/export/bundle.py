"""The export: plan -> write -> clean -> verify -> publish."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx

from zoo_core.environment import package_versions
from zoo_core.errors import NotVerifiedError
from zoo_core.files import json_text, sha256_of, write_atomic
from zoo_core.records import CheckResult, ExportReport
from zoo_core.runtime.metadata import Metadata
from zoo_core.verification.bounds import Reference
from zoo_core.verification.vectors import write_vectors

from .attachment import NodeFacts, netron_attachment
from .card import model_card
from .check import Expected, Verdict, check_file, compute_expected
from .clean import clean, module_of, serialized, set_metadata
from .plan import ExportPlan
from .publish import MODEL_FILE, REPORT_FILE, building, check_target, keep_rejected, publish
from .reference import TorchReference
from .write import Converted, convert

VERSIONED = ("zoo-core", "torch", "onnx", "onnxscript", "onnxruntime", "numpy")

Progress = Callable[[str], None]


class RejectedExportError(NotVerifiedError):
    """An export that was not verified; `report` says why, rule by rule."""

    def __init__(self, report: ExportReport, *, kept: Path | None) -> None:
        bad = [check for check in report.checks if check.outcome not in {"passed", "skipped"}]
        first = f"{bad[0].rule}: {bad[0].detail}" if bad else "no rule could be applied"
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        where = f"the rejected folder is {kept}" if kept else "zoo export --keep-rejected keeps the folder for a look"
        super().__init__(
            f"the export of {report.name} is {report.outcome}: {first}{more}",
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
        report = build_and_check(plan, folder, progress=progress)
        if report.outcome != "verified":
            raise RejectedExportError(report, kept=keep_rejected(folder, target) if keep else None)
        progress("publishing")
        publish(folder, target)
    return report


def build_and_check(plan: ExportPlan, folder: Path, *, progress: Progress) -> ExportReport:
    """Write the whole bundle into `folder` and judge it; the report is written there too, whatever the outcome."""
    kind, digest, stage = "relative", None, "reference"
    try:
        progress("running PyTorch in float32 and float64")
        reference = TorchReference(plan.build, plan.checkpoint, outputs=tuple(plan.outputs))
        expected = compute_expected(plan, reference)
        kind, stage = expected.kind, "conversion"
        progress("converting to ONNX")
        converted = convert(plan, reference.module)
        metadata = metadata_of(plan, expected)
        digest = _write(plan, folder, converted, expected, metadata)
        progress("checking the file without PyTorch")
        path = folder / MODEL_FILE
        verdict = check_file(path, plan, expected=expected, converted=converted, reference=reference, metadata=metadata)
    except NotVerifiedError as error:
        verdict = Verdict(checks=(CheckResult(rule=stage, outcome="failed", detail=error.message),))
    report = _report(plan, verdict, kind="float64" if kind == "float64" else "relative")
    write_atomic(folder / "README.md", model_card(plan, report))
    report = _sealed(report, folder, digest)
    write_atomic(folder / REPORT_FILE, json_text(report.to_json()))
    return report


def _report(plan: ExportPlan, verdict: Verdict, *, kind: Reference) -> ExportReport:
    return ExportReport(
        outcome=verdict.outcome,
        name=plan.name,
        model=plan.model.name,
        run=plan.run,
        opset=plan.opset,
        axes={name: spec.axes for name, spec in {**plan.inputs, **plan.outputs}.items()},
        untrained=plan.untrained,
        reference=kind,
        checks=verdict.checks,
        outputs=verdict.outputs,
        versions=package_versions(VERSIONED),
    )


def _sealed(report: ExportReport, folder: Path, digest: str | None) -> ExportReport:
    """The report with the sha256 of every file; failed when the model is not the one that was written and checked."""
    report = dataclasses.replace(report, files=_hashes(folder))
    if digest is None or report.files.get(MODEL_FILE) == digest:
        return report
    changed = CheckResult(rule="files", outcome="failed", detail=f"{MODEL_FILE} was changed while it was checked")
    return dataclasses.replace(report, outcome="failed", checks=(*report.checks, changed))


def _write(plan: ExportPlan, folder: Path, converted: Converted, expected: Expected, metadata: Metadata) -> str:
    """Write the model and what goes with it; the sha256 of the model's bytes, taken before they reach the disk."""
    model: onnx.ModelProto = converted.program.model_proto
    clean(model, plan)
    set_metadata(model, metadata)
    content = serialized(model)
    write_atomic(folder / MODEL_FILE, content)
    write_vectors(folder, expected.vector_inputs, expected.vector_outputs)
    write_atomic(folder / "netron.json", json_text(_attachment(model)))
    return hashlib.sha256(content).hexdigest()


def metadata_of(plan: ExportPlan, expected: Expected) -> Metadata:
    """What the file will say of itself."""
    spec = plan.model.spec
    return Metadata(
        name=plan.name,
        task=spec.task,
        labels=plan.labels,
        inputs=plan.inputs,
        outputs=plan.outputs,
        preprocess=plan.preprocess,
        model=plan.model.name,
        model_plugin=plan.model.plugin,
        source=spec.source,
        options=dict(plan.options),
        dataset=plan.dataset,
        metrics=dict(plan.metrics),
        license=spec.license,
        run=plan.run,
        opset=plan.opset,
        untrained=plan.untrained,
        versions=package_versions(VERSIONED),
        self_test=expected.self_test,
    )


def _attachment(model: onnx.ModelProto) -> dict[str, Any]:
    sizes = {tensor.name: _elements(tensor) for tensor in model.graph.initializer}
    facts = [
        NodeFacts(
            name=node.name,
            op_type=node.op_type,
            module=module_of(node)[0],
            parameters=sum(sizes.get(name, 0) for name in node.input),
            error=None,
        )
        for node in model.graph.node
    ]
    return netron_attachment(facts)


def _elements(tensor: onnx.TensorProto) -> int:
    count = 1
    for dim in tensor.dims:
        count *= dim
    return count


def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != REPORT_FILE)
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in files}
