"""Check an export again, on this machine: all that can be repeated without PyTorch."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.environment import package_versions, usable_processors
from zoo_core.errors import NotVerifiedError, ZooError
from zoo_core.files import clear_io_errors, read_json, sha256_of
from zoo_core.records import CheckResult, ExportReport, Outcome, OutputError
from zoo_core.runtime.metadata import Metadata, read_metadata
from zoo_core.runtime.vet import vet

from .bounds import check_sensitivity
from .inputs import BATCH_SIZES
from .self_test import BATCH, batch_shape, check_self_test, self_test_inputs, validated
from .structure import Interface, check_results, check_structure
from .subject import DEFAULT_SETTINGS, THOROUGH_LEVELS, Group, Setting, SubjectResult, run_subject
from .vectors import FOLDER, check_vectors, read_vectors

Array = NDArray[Any]
Arrays = dict[str, Array]

MODEL_FILE = "model.onnx"
REPORT_FILE = "report.json"
VERSIONED = ("zoo-core", "onnx", "onnxruntime", "numpy")


def outcome_of(checks: Sequence[CheckResult]) -> Outcome:
    """Failed when a rule failed or none was applied; verified only when every rule passed or was skipped."""
    found = {check.outcome for check in checks}
    if "failed" in found or "passed" not in found:
        return "failed"
    return "not-conclusive" if "not-conclusive" in found else "verified"


def verify_export(path: Path, *, thorough: bool = False) -> ExportReport:
    """Check the bundle, or the bare .onnx file, at `path`; never raises for what the check finds.

    `thorough` adds every optimisation level of onnxruntime, and one thread beside all of them. What cannot be checked
    at all is an error: RefusedFileError for a file that is not safe to open; ZooError for one that has no metadata of
    ours, and for a self-test or a report.json that is damaged or cannot be read.
    """
    bundle = path if path.is_dir() else None
    model = path / MODEL_FILE if bundle else path
    published = {} if bundle is None else _read_report(bundle)
    file = vet(model)
    metadata = read_metadata(file)
    if metadata.self_test is not None:
        validated(metadata.self_test, inputs=metadata.inputs, outputs=metadata.outputs)
    checks = [] if bundle is None else [_check_files(bundle, published["files"]), _check_report(published, metadata)]
    interface = Interface(inputs=metadata.inputs, outputs=metadata.outputs, opset=metadata.opset)
    checks += [*check_structure(file, interface), onnx_checker(model)]
    errors: tuple[OutputError, ...] = ()
    if not any(check.outcome == "failed" and check.rule == "structure" for check in checks):
        try:
            found, errors = _run_checks(model, bundle, metadata, _settings(thorough))
            checks += found
        except (NotVerifiedError, MemoryError) as error:
            text = error.message if isinstance(error, NotVerifiedError) else "it needs more memory than there is"
            checks.append(CheckResult(rule="run", outcome="failed", detail=text))
    return ExportReport(
        outcome=outcome_of(checks),
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


def _settings(thorough: bool) -> tuple[Setting, ...]:
    if not thorough:
        return DEFAULT_SETTINGS
    threads = sorted({1, usable_processors()})
    return tuple(Setting(level=level, threads=count) for level in THOROUGH_LEVELS for count in threads)


def _read_report(bundle: Path) -> dict[str, Any]:
    """What stands in report.json, which lists files. Raises ZooError when it is missing or damaged."""
    path, what = bundle / REPORT_FILE, "the verification report"
    try:
        report = read_json(path, what=what)
    except RecursionError:
        raise ZooError(f"{what} {path} is damaged: it is nested too deep") from None
    files = report.get("files")
    if not isinstance(files, dict) or not files or not all(isinstance(digest, str) for digest in files.values()):
        raise ZooError(f"{what} {path} is damaged: it lists no files")
    return report


def _check_report(report: Mapping[str, Any], metadata: Metadata) -> CheckResult:
    """Rule "report": report.json says that the export was verified, and speaks of the file beside it."""
    problems = []
    if report.get("outcome") != "verified":
        problems.append(f"this export was never verified: its report says {_shown(report.get('outcome'))}")
    for key in ("name", "model", "run", "opset"):
        told, held = report.get(key), getattr(metadata, key)
        if key not in report or type(told) is not type(held) or told != held:
            problems.append(f"its report is about the {key} {_shown(told)}, the file about {_shown(held)}")
    if problems:
        return CheckResult(rule="report", outcome="failed", detail="; ".join(problems))
    return CheckResult(rule="report", outcome="passed", detail="verified when it was published, and about this file")


def _shown(value: Any) -> str:
    return repr(value)[:60]


def _check_files(bundle: Path, listed: Mapping[str, str]) -> CheckResult:
    """Rule "files": the sha256 of every file equals the one in the report, and no listed file is missing."""
    with clear_io_errors("cannot read", bundle):
        there = {p.relative_to(bundle).as_posix() for p in bundle.rglob("*") if p.is_file() and p.name != REPORT_FILE}
    problems = [f"{name} is missing" for name in listed if name not in there]
    problems += [
        f"{name} has changed" for name, digest in listed.items() if name in there and sha256_of(bundle / name) != digest
    ]
    problems += [f"{name} is not in the report" for name in sorted(there - set(listed))]
    if problems:
        return CheckResult(rule="files", outcome="failed", detail="; ".join(problems[:5]))
    return CheckResult(rule="files", outcome="passed", detail=f"{len(listed)} files as published")


def onnx_checker(model: Path) -> CheckResult:
    """Rule "onnx.checker": the onnx package's full check of the file; skipped where that package is not installed."""
    if importlib.util.find_spec("onnx") is None:
        text = "the onnx package is not installed; pip install 'zoo-core[train]' brings it"
        return CheckResult(rule="onnx.checker", outcome="skipped", detail=text)
    try:
        # By name: the base install has no onnx, and nothing here may depend on it.
        checker = importlib.import_module("onnx.checker")
        checker.check_model(str(model), full_check=True)
    except Exception as error:  # noqa: BLE001 whatever the checker raises, it has not passed
        return CheckResult(rule="onnx.checker", outcome="failed", detail=" ".join(str(error).split())[:300])
    return CheckResult(rule="onnx.checker", outcome="passed", detail="full check")


def _run_checks(
    model: Path, bundle: Path | None, metadata: Metadata, settings: Sequence[Setting]
) -> tuple[list[CheckResult], tuple[OutputError, ...]]:
    if metadata.self_test is None:
        text = "the file holds no self-test"
        return [CheckResult(rule="self-test", outcome="not-conclusive", detail=text)], ()
    test_inputs = self_test_inputs(metadata.self_test)
    rows = len(next(iter(test_inputs.values())))
    whole, parts = range(rows), [(row,) for row in range(rows)]
    groups = [
        Group(name="self-test", inputs=test_inputs, batches=[whole]),
        Group(name="batches", inputs=test_inputs, batches=[*parts, *_companies(rows)]),
    ]
    vectors = _vectors(bundle, metadata)
    checks = [vectors] if isinstance(vectors, CheckResult) else []
    expected = None
    if not isinstance(vectors, CheckResult):
        groups.append(vectors[0])
        expected = vectors[1]
    result = run_subject(model, groups, settings=settings)
    worst: dict[str, OutputError] = {}
    for setting in settings:
        found, errors = _check_setting(setting, metadata, metadata.self_test, result, groups, expected)
        checks += found
        for each in errors:
            if each.name not in worst or not each.error <= worst[each.name].error:
                worst[each.name] = each
    return checks, tuple(worst.values())


def _vectors(bundle: Path | None, metadata: Metadata) -> tuple[Group, Arrays] | CheckResult:
    """The test vectors to run and what they must give; or what there is to say where they cannot be run."""
    if bundle is None:
        return CheckResult(rule="test vectors", outcome="skipped", detail=f"a bare file has no {FOLDER}")
    try:
        inputs = read_vectors(bundle, "input", list(metadata.inputs))
        outputs = read_vectors(bundle, "output", list(metadata.outputs))
    except ZooError as error:
        return CheckResult(rule="test vectors", outcome="failed", detail=error.message)
    first = next(iter(inputs.values()))
    count = len(first) if first.ndim else 0
    for arrays, specs in ((inputs, metadata.inputs), (outputs, metadata.outputs)):
        for name, value in arrays.items():
            if not count or str(value.dtype) != specs[name].dtype or value.shape != batch_shape(specs[name], count):
                held = f"{value.dtype} with the shape {value.shape}"
                text = f"{FOLDER}: {name} is {held}, not {count} rows of {specs[name].dtype} {specs[name]}"
                return CheckResult(rule="test vectors", outcome="failed", detail=text)
    return Group(name="vectors", inputs=inputs, batches=[range(count)]), outputs


def _companies(rows: int) -> list[tuple[int, ...]]:
    """Batches of every size of the check, in which each row meets others."""
    return [tuple((start + i) % rows for i in range(size)) for start, size in enumerate(BATCH_SIZES)]


def _check_setting(
    setting: Setting,
    metadata: Metadata,
    test: Mapping[str, Any],
    result: SubjectResult,
    groups: Sequence[Group],
    vector_outputs: Arrays | None,
) -> tuple[list[CheckResult], list[OutputError]]:
    where = str(setting)
    whole = result.outputs[setting, "self-test"][0]
    checks, errors = check_self_test(where, test, whole)
    bounds = {name: float(expected["bound"]) for name, expected in test["outputs"].items()}
    plausible = [whole]
    if vector_outputs is not None:
        plausible.append(result.outputs[setting, "vectors"][0])
        checks += check_vectors(where, vector_outputs, plausible[-1], bounds=bounds)
    wanted = (groups[0].batches[0], *(group.batches[0] for group in groups[2:]))
    for outputs, rows in zip(plausible, wanted, strict=True):
        size = f"{where}, batch of {len(rows)}"
        if wrong := check_results(size, outputs, metadata.outputs, sizes={BATCH: len(rows)}):
            return [*checks, *wrong], errors  # rows that are not there cannot be compared with each other
    checks += _check_batches(where, metadata, whole, result.outputs[setting, "batches"], groups[1].batches, bounds)
    joined = {name: np.concatenate([outputs[name] for outputs in plausible]) for name in whole}
    checks += check_sensitivity(where, joined, bounds)
    return checks, errors


def _check_batches(
    where: str,
    metadata: Metadata,
    whole: Mapping[str, Array],
    batches: Sequence[Mapping[str, Array]],
    rows: Sequence[Sequence[int]],
    bounds: Mapping[str, float],
) -> list[CheckResult]:
    """Rule "batches": a row gives the same result, within two bounds, whatever batch it comes in."""
    problems: list[CheckResult] = []
    largest = 0.0
    for index, outputs in zip(rows, batches, strict=True):
        size = f"{where}, batch of {len(index)}"
        wrong = check_results(size, outputs, metadata.outputs, sizes={BATCH: len(index)})
        problems += wrong
        if wrong:
            continue
        for name, value in outputs.items():
            gap = np.abs(value.astype(np.float64) - whole[name][list(index)].astype(np.float64))
            error = float(np.nan_to_num(gap, nan=np.inf).max(initial=0.0))
            largest = max(largest, error)
            if not error <= 2 * bounds[name]:
                text = f"{size}: {name} differs by {error:.3g} from the same rows in a batch of {len(whole[name])}"
                problems.append(CheckResult(rule="batches", outcome="failed", detail=text))
    if problems:
        return problems
    sizes = ", ".join(map(str, sorted({len(index) for index in rows})))
    text = f"{where}: rows agree within {largest:.3g} in batches of {sizes}"
    return [CheckResult(rule="batches", outcome="passed", detail=text)]
