"""Check an export again, on this machine: all that can be repeated without PyTorch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo_core.bundle_files import MODEL_FILE, REPORT_FILE
from zoo_core.environment import package_versions, usable_processors
from zoo_core.errors import NotVerifiedError, RefusedFileError, ZooError
from zoo_core.file_limits import MAX_BUNDLE_BYTES
from zoo_core.files import clear_io_errors, read_json, sha256_of
from zoo_core.foreign_text import shell_word
from zoo_core.installation import update_command
from zoo_core.paths import is_folder, is_there
from zoo_core.records import CheckResult, ExportReport, Outcome, OutputError, counted
from zoo_core.runtime.reading.metadata import KEY, Metadata, read_metadata
from zoo_core.runtime.reading.wire import OnnxFile
from zoo_core.runtime.running.isolated import Isolated, Limits, limits_of
from zoo_core.runtime.vetting.agreement import check_agreement
from zoo_core.runtime.vetting.known import files_beside, remember
from zoo_core.runtime.vetting.vet import vet
from zoo_core.shelf import model_file
from zoo_core.unwatched import before_plugin_code
from zoo_core.verification.expect.recipe_test import check_recipes
from zoo_core.verification.expect.seal import RULE, check_seal
from zoo_core.verification.expect.self_test import validated
from zoo_core.verification.subject.subject import DEFAULT_SETTINGS, THOROUGH_LEVELS, TIME_LIMIT_SECONDS, Setting

from .onnx_check import onnx_checker
from .repeat import run_checks
from .structure import Interface, check_structure

VERSIONED = ("zoo-core", "onnx", "onnxruntime", "numpy")


def outcome_of(checks: Sequence[CheckResult]) -> Outcome:
    """Failed when a rule failed or none was applied; verified only when every rule passed or was skipped."""
    found = {check.outcome for check in checks}
    if "failed" in found or "passed" not in found:
        return "failed"
    return "not-conclusive" if "not-conclusive" in found else "verified"


def verify_export(path: Path, *, thorough: bool = False, isolated: Isolated = None) -> ExportReport:
    """Check the bundle, or the bare .onnx file, at `path`; never raises for what the check finds.

    `thorough` adds every optimisation level of onnxruntime, and one thread beside all of them. The file always runs in
    a process of its own; `isolated`: what that may use, as in `open_model`. A verified file is known from then on. What
    cannot be checked at all is an error: RefusedFileError for a file that is not safe to open; ZooError for one without
    metadata of ours, and for a self-test or a report.json that is damaged or cannot be read.
    """
    bundle = path if is_folder(path) else None
    model = model_file(path)
    published = {} if bundle is None else _read_report(bundle)
    file = vet(model)
    metadata = _metadata_of(file)
    checks = [] if bundle is None else _check_bundle(bundle, published, metadata, file)
    limits = _limits(file, isolated)
    checks += [*_as_declared(file, metadata), onnx_checker(model, limits)]
    checks += [*_described(file, metadata), *check_recipes(metadata.self_test, metadata.recipes, metadata.inputs)]
    errors: tuple[OutputError, ...] = ()
    if not any(check.outcome == "failed" and check.rule == "structure" for check in checks):
        more, errors = _run_again(model, bundle, metadata, _settings(thorough), limits)
        checks += more
    if (outcome := outcome_of(checks)) == "verified":
        remember(file)
    return ExportReport(
        outcome=outcome,
        name=metadata.name,
        model=metadata.model,
        run=metadata.run,
        opset=metadata.opset,
        axes={name: spec.axes for name, spec in {**metadata.inputs, **metadata.outputs}.items()},
        untrained=metadata.untrained,
        reference="relative" if published.get("reference") == "relative" else "float64",
        checks=tuple(checks),
        outputs=errors,
        versions=package_versions(VERSIONED),
        files=published.get("files", {}),
    )


def _metadata_of(file: OnnxFile) -> Metadata:
    """The metadata of a file, whose self-test, if it has one, can be drawn."""
    metadata = read_metadata(file)
    if metadata.needs_plugin:
        before_plugin_code()
    if metadata.self_test is not None:
        validated(metadata.self_test, inputs=metadata.inputs, outputs=metadata.outputs)
    return metadata


def _as_declared(file: OnnxFile, metadata: Metadata) -> list[CheckResult]:
    interface = Interface(inputs=metadata.inputs, outputs=metadata.outputs, opset=metadata.opset)
    return check_structure(file, interface)


def _described(file: OnnxFile, metadata: Metadata) -> list[CheckResult]:
    """Rule "metadata": they are those of the export, and what `open_model` can work with."""
    try:
        check_agreement(file, metadata)
    except RefusedFileError as error:
        return [CheckResult(rule=RULE, outcome="failed", detail=error.message)]
    return check_seal(file.metadata_props.get(KEY, ""), metadata.self_test)


def _run_again(
    model: Path, bundle: Path | None, metadata: Metadata, settings: Sequence[Setting], limits: Limits | None
) -> tuple[list[CheckResult], tuple[OutputError, ...]]:
    try:
        return run_checks(model, bundle, metadata, settings, limits=limits)
    except (NotVerifiedError, MemoryError) as error:
        text = error.message if isinstance(error, NotVerifiedError) else "it needs more memory than there is"
        return [CheckResult(rule="run", outcome="failed", detail=text)], ()


def _limits(file: OnnxFile, isolated: Isolated) -> Limits | None:
    """What the processes may use that run this file, in bytes and seconds; None: what the machine can give."""
    limits = limits_of(file, isolated)
    if limits is None:
        return None
    return Limits(memory=limits.memory_for(file), seconds=limits.seconds or TIME_LIMIT_SECONDS)


def _check_bundle(bundle: Path, published: Mapping[str, Any], metadata: Metadata, file: OnnxFile) -> list[CheckResult]:
    return [
        _check_files(bundle, published["files"], beside=files_beside(file)),
        _check_report(published, metadata, file),
    ]


def _settings(thorough: bool) -> tuple[Setting, ...]:
    if not thorough:
        return DEFAULT_SETTINGS
    threads = sorted({1, usable_processors()})
    return tuple(Setting(level=level, threads=count) for level in THOROUGH_LEVELS for count in threads)


def _read_report(bundle: Path) -> dict[str, Any]:
    """What stands in report.json, which lists files. Raises ZooError when it is missing or damaged."""
    path, what = bundle / REPORT_FILE, "the verification report"
    if not is_there(path):
        alone = shell_word(str(bundle / MODEL_FILE))
        again = "zoo export makes the whole folder again, from the run or the model that it was made of"
        raise ZooError(
            f"{path} is missing: it says what was published, with the hash of every file",
            hint=f"zoo verify {alone} checks the file alone, by its own self-test; {again}",
        )
    report = read_json(path, what=what, within=bundle)
    schema = report.get("schema")
    if isinstance(schema, int) and schema > ExportReport.schema:
        raise ZooError(
            f"{what} {path} has schema {schema}, and this version reads up to {ExportReport.schema}",
            hint=update_command(),
        )
    files = report.get("files")
    if not isinstance(files, dict) or not files or not all(isinstance(digest, str) for digest in files.values()):
        raise ZooError(f"{what} {path} is damaged: it lists no files")
    return report


def _is_nothing(path: Path) -> bool:
    """A folder, or what a file manager leaves wherever somebody looks."""
    return path.is_dir() or path.name in {".DS_Store", "Thumbs.db", "desktop.ini"}


def _check_report(report: Mapping[str, Any], metadata: Metadata, file: OnnxFile) -> CheckResult:
    """Rule "report": report.json says that the export was verified, and speaks of the file beside it."""
    problems = []
    if report.get("outcome") != "verified":
        problems.append(f"this export was never verified: its report says {_shown(report.get('outcome'))}")
    for key in ("name", "model", "run", "opset"):
        told, held = report.get(key), getattr(metadata, key)
        if key not in report or type(told) is not type(held) or told != held:
            problems.append(f"its report is about the {key} {_shown(told)}, the file about {_shown(held)}")
    axes = {name: list(spec.axes) for name, spec in {**metadata.inputs, **metadata.outputs}.items()}
    if report.get("axes") != axes:
        problems.append("its report gives other axes than the file")
    digest = hashlib.sha256(file.metadata_props.get(KEY, "").encode()).hexdigest()
    # Not in reports of earlier versions.
    if report.get("described") not in (None, "", digest):
        problems.append("its report is about a file with other labels, preprocessing or self-test")
    if problems:
        return CheckResult(rule="report", outcome="failed", detail="; ".join(problems))
    return CheckResult(
        rule="report", outcome="passed", detail="verified when it was published; names and axes are those of this file"
    )


def _shown(value: Any) -> str:
    return repr(value)[:60]


def _check_files(bundle: Path, listed: Mapping[str, str], *, beside: frozenset[str]) -> CheckResult:
    """Rule "files": the sha256 of every file equals the one in the report, and no listed file is missing.

    `beside`: those with weights, whose size vetting has looked at.
    """
    with clear_io_errors("cannot read", bundle):
        files = {path.relative_to(bundle).as_posix(): path for path in bundle.rglob("*") if not _is_nothing(path)}
        there = {name for name, path in files.items() if path.name != REPORT_FILE}
        size = sum(files[name].lstat().st_size for name in there - beside)
    if size > MAX_BUNDLE_BYTES:
        text = f"the files of this export have {size:,} bytes beside its weights, and {MAX_BUNDLE_BYTES:,} is the most"
        return CheckResult(rule="files", outcome="failed", detail=text)
    problems = [f"{name} is missing" for name in listed if name not in there]
    for name, digest in listed.items():
        try:
            if name in there and sha256_of(bundle / name, within=bundle) != digest:
                problems.append(f"{name} has changed")
        except RefusedFileError as error:
            problems.append(error.message)
    problems += [f"{name} is not in the report" for name in sorted(there - set(listed))]
    if problems:
        return CheckResult(rule="files", outcome="failed", detail="; ".join(problems[:5]))
    return CheckResult(rule="files", outcome="passed", detail=f"{counted(len(listed), 'file')} as published")
