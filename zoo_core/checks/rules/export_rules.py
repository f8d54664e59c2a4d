"""The rule for a model as a file: what the zoo is for."""

from __future__ import annotations

from typing import Any

from zoo_core.checks.candidates.model_candidate import ModelCandidate
from zoo_core.checks.rule import BrokenRuleError, rules
from zoo_core.files import temporary_folder


def exports_and_is_verified(model: ModelCandidate) -> None:
    """The model is exported to ONNX with fresh weights, and the file is proved to compute the same.

    This is what the zoo is for.
    """
    report = exported(model)
    bad = [check for check in report["checks"] if check["outcome"] not in {"passed", "skipped"}]
    if bad:
        raise BrokenRuleError("; ".join(f"{check['rule']}: {check['detail']}" for check in bad[:3]))


def exported(model: ModelCandidate) -> dict[str, Any]:
    """The report of an export with fresh weights, as plain JSON; the files are thrown away."""
    from zoo_core.export.bundle import RejectedExportError, export
    from zoo_core.export.plan.plan import DEFAULT_OPSET
    from zoo_core.workflows.exports.export_source import need_export_extra, plan_model

    need_export_extra()
    model.need_ranges()
    model.build()  # what cannot be built is not the export's fault
    plan = plan_model(model.model, model.given, name=model.model.name, opset=DEFAULT_OPSET)
    with temporary_folder("zoo-check-") as folder:
        try:
            report = export(plan, folder / "export")
        except RejectedExportError as error:
            report = error.report
    return report.to_json()


RULES = rules("export", exports_and_is_verified)
