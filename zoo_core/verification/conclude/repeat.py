"""The rules that run an export again, on this machine: self-test, test vectors, batches, sensitivity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.bundle_files import VECTORS_FOLDER
from zoo_core.errors import ZooError
from zoo_core.records import CheckResult, OutputError, counted
from zoo_core.runtime.reading.metadata import Metadata
from zoo_core.runtime.running.isolated import Limits
from zoo_core.shapes import TensorSpec
from zoo_core.verification.expect.odd_places import LEAST_DECIDED, alike
from zoo_core.verification.expect.selection_test import check_selection_test, check_selection_vectors, chooses
from zoo_core.verification.expect.self_test import (
    batch_shape,
    cases_of,
    check_self_test,
    infinite_outputs,
    self_test_inputs,
    self_test_sizes,
)
from zoo_core.verification.expect.sensitivity import check_sensitivity
from zoo_core.verification.expect.vector_test import check_vectors
from zoo_core.verification.feed.rows import BATCH, BATCH_SIZES, batches_of, joined
from zoo_core.verification.feed.sizes import Sizes, shown, sizes_of
from zoo_core.verification.feed.vectors import read_vectors
from zoo_core.verification.subject.subject import TIME_LIMIT_SECONDS, Group, Setting, SubjectResult, run_subject

from .structure import check_results

Array = NDArray[Any]
Arrays = dict[str, Array]


@dataclass(frozen=True, kw_only=True)
class _Part:
    """Rows to run: a case of the self-test (`test`), or the test vectors (`outputs`); batches of their own where free.

    `free`: the batch is free, so that all rows run together, and again in other company.
    """

    name: str
    inputs: Arrays = field(repr=False)
    sizes: Sizes
    free: bool
    test: Mapping[str, Any] | None = field(default=None, repr=False)
    outputs: Arrays | None = field(default=None, repr=False)

    @property
    def rows(self) -> int:
        return len(next(iter(self.inputs.values())))

    @property
    def companies(self) -> list[tuple[int, ...]]:
        """Each row alone, and batches of every size of the check, in which each row meets others."""
        alone = [(row,) for row in range(self.rows)]
        together = [
            tuple((start + i) % self.rows for i in range(size)) for start, size in enumerate(BATCH_SIZES) if size > 1
        ]
        return [*alone, *together]

    def groups(self) -> list[Group]:
        whole = [range(self.rows)] if self.free else batches_of(self.rows, free=False)
        found = [Group(name=self.name, inputs=self.inputs, batches=whole)]
        if self.free and self.test is not None:
            found.append(Group(name=f"{self.name} in batches", inputs=self.inputs, batches=self.companies))
        return found


def run_checks(
    model: Path,
    bundle: Path | None,
    metadata: Metadata,
    settings: Sequence[Setting],
    *,
    limits: Limits | None = None,
) -> tuple[list[CheckResult], tuple[OutputError, ...]]:
    """What the file at `model` computes, against its self-test and the test vectors of its `bundle`, if it has one.

    Also the worst error of each output. `limits`: of the process that runs it. Raises SubjectError when the file cannot
    be run.
    """
    if metadata.self_test is None:
        text = "the file holds no self-test"
        return [CheckResult(rule="self-test", outcome="not-conclusive", detail=text)], ()
    parts = _self_test_parts(metadata, metadata.self_test)
    vectors = _vectors(bundle, metadata)
    checks = [vectors] if isinstance(vectors, CheckResult) else []
    if not isinstance(vectors, CheckResult):
        parts.append(vectors)
    groups = [group for part in parts for group in part.groups()]
    if limits is None:
        result = run_subject(model, groups, settings=settings)
    else:
        seconds = limits.seconds or TIME_LIMIT_SECONDS
        result = run_subject(model, groups, settings=settings, time_limit=seconds, memory_limit=limits.memory)
    worst: dict[str, OutputError] = {}
    for setting in settings:
        found, errors = _check_setting(setting, metadata, parts, result)
        checks += found
        for each in errors:
            if each.name not in worst or not each.error <= worst[each.name].error:
                worst[each.name] = each
    return checks, tuple(worst.values())


def _batch_is_free(specs: Mapping[str, TensorSpec]) -> bool:
    return all(spec.axes[:1] == (BATCH,) for spec in specs.values())


def _self_test_parts(metadata: Metadata, test: Mapping[str, Any]) -> list[_Part]:
    return [
        _Part(
            name=f"self-test {number}",
            inputs=self_test_inputs(case),
            sizes=self_test_sizes(case, inputs=metadata.inputs),
            free=_batch_is_free(metadata.inputs),
            test=case,
        )
        for number, case in enumerate(cases_of(test))
    ]


def _vectors(bundle: Path | None, metadata: Metadata) -> _Part | CheckResult:
    """The test vectors to run and what they must give; or what there is to say where they cannot be run."""
    if bundle is None:
        return CheckResult(rule="test vectors", outcome="skipped", detail=f"a bare file has no {VECTORS_FOLDER}")
    try:
        inputs = read_vectors(bundle, "input", list(metadata.inputs))
        outputs = read_vectors(bundle, "output", list(metadata.outputs))
    except ZooError as error:
        return CheckResult(rule="test vectors", outcome="failed", detail=error.message)
    choosing = chooses(metadata.inputs, metadata.outputs)
    try:
        sizes = sizes_of({name: (1, *value.shape[1:]) for name, value in inputs.items()}, metadata.inputs)
        sizes.pop(BATCH, None)
        if choosing:
            sizes_of({name: value.shape for name, value in outputs.items()}, metadata.outputs)
    except ZooError as error:
        if choosing:
            return CheckResult(rule="test vectors", outcome="failed", detail=f"{VECTORS_FOLDER}: {error.message}")
        sizes = {}  # which of them does not fit is told below
    first = next(iter(inputs.values()))
    count = len(first) if first.ndim else 0
    free = _batch_is_free(metadata.inputs)
    told = {} if choosing else outputs
    for arrays, specs in ((inputs, metadata.inputs), (told, metadata.outputs)):
        for name, value in arrays.items():
            shape = batch_shape(specs[name], count, sizes=sizes) if free else specs[name].bind(sizes).axes
            if not count or str(value.dtype) != specs[name].dtype or value.shape != shape:
                held = f"{value.dtype} with the shape {value.shape}"
                needed = f"{counted(count, 'row')} of {specs[name].dtype} {specs[name]}"
                text = f"{VECTORS_FOLDER}: {name} is {held}, not {needed}"
                return CheckResult(rule="test vectors", outcome="failed", detail=text)
    return _Part(name="vectors", inputs=inputs, sizes=sizes, free=free, outputs=outputs)


def _check_setting(
    setting: Setting, metadata: Metadata, parts: Sequence[_Part], result: SubjectResult
) -> tuple[list[CheckResult], list[OutputError]]:
    checks: list[CheckResult] = []
    errors: list[OutputError] = []
    plausible: list[Arrays] = []
    if chooses(metadata.inputs, metadata.outputs):
        return _check_choosing(setting, metadata, parts, result)
    usual = parts[0].test or {}
    infinite = infinite_outputs(usual)
    bounds = {name: float(expected["bound"]) for name, expected in usual["outputs"].items()}
    for part in parts:
        where = str(setting) + (f", {shown(part.sizes)}" if part.sizes else "")
        found = result.outputs[setting, part.name]
        size = part.rows if part.free else 1
        for outputs in found:
            wrong = check_results(
                where, outputs, metadata.outputs, sizes={BATCH: size, **part.sizes}, infinite=infinite
            )
            if wrong:
                return [*checks, *wrong], errors  # rows that are not there cannot be compared with each other
        whole = joined(found)
        if part.test is not None:
            results, worst = check_self_test(where, part.test, whole)
            checks += results
            errors += worst
            if part.free:
                checks += _check_batches(
                    where, metadata, part, whole, result.outputs[setting, f"{part.name} in batches"]
                )
        else:
            checks += check_vectors(where, part.outputs or {}, whole, bounds=bounds)
        if part.sizes == parts[0].sizes:
            plausible.append(whole)
    return [*checks, *check_sensitivity(str(setting), joined(plausible), bounds)], errors


def _check_choosing(
    setting: Setting, metadata: Metadata, parts: Sequence[_Part], result: SubjectResult
) -> tuple[list[CheckResult], list[OutputError]]:
    """The rules for a model that chooses rows: as many as it likes, each input by itself."""
    where = str(setting)
    checks: list[CheckResult] = []
    errors: list[OutputError] = []
    seen: list[Arrays] = []
    for part in parts:
        found = result.outputs[setting, part.name]
        seen += found
        try:
            for outputs in found:
                sizes_of(_shapes_chosen(outputs, metadata), metadata.outputs)
        except ZooError as error:
            checks.append(CheckResult(rule="structure", outcome="failed", detail=f"{where}: {error.message}"))
            continue
        if part.test is None:
            checks.append(check_selection_vectors(where, part.outputs or {}, found[0]))
            continue
        results, worst = check_selection_test(where, part.test, found, metadata.outputs)
        checks += results
        errors += worst
    # In noise a trained model may choose nothing: what it chooses in the test vector is another thing then.
    first, *others = seen
    differ = any(value.tobytes() != other[name].tobytes() for other in others for name, value in first.items())
    text = f"{where}: what is chosen {'depends' if differ else 'does not depend'} on the input"
    checks.append(CheckResult(rule="sensitivity", outcome="passed" if differ else "not-conclusive", detail=text))
    return checks, errors


def _shapes_chosen(outputs: Arrays, metadata: Metadata) -> dict[str, tuple[int, ...]]:
    """The shapes of outputs; as if there were one row where there is none in any."""
    shapes = {name: outputs[name].shape for name in metadata.outputs}
    nothing = all(shape[:1] == (0,) for shape in shapes.values())
    return {name: (1, *shape[1:]) if nothing else shape for name, shape in shapes.items()}


def _check_batches(
    where: str, metadata: Metadata, part: _Part, whole: Mapping[str, Array], batches: Sequence[Mapping[str, Array]]
) -> list[CheckResult]:
    """Rule "batches": a row gives the same result, within two bounds, whatever batch it comes in."""
    bounds = {name: float(expected["bound"]) for name, expected in (part.test or {})["outputs"].items()}
    problems: list[CheckResult] = []
    largest = 0.0
    for index, outputs in zip(part.companies, batches, strict=True):
        size = f"{where}, batch of {len(index)}"
        sizes = {BATCH: len(index), **part.sizes}
        wrong = check_results(size, outputs, metadata.outputs, sizes=sizes, infinite=infinite_outputs(part.test or {}))
        problems += wrong
        if wrong:
            continue
        for name, value in outputs.items():
            agree, error = _agree(value, whole[name][list(index)], within=2 * bounds[name])
            largest = max(largest, error)
            if not agree:
                text = f"{size}: {name} differs by {error:.3g} from the same rows in a batch of {len(whole[name])}"
                problems.append(CheckResult(rule="batches", outcome="failed", detail=text))
    if problems:
        return problems
    counts = ", ".join(map(str, sorted({len(index) for index in part.companies})))
    text = f"{where}: rows agree within {largest:.3g} in batches of {counts}"
    return [CheckResult(rule="batches", outcome="passed", detail=text)]


def _agree(first: Array, second: Array, *, within: float) -> tuple[bool, float]:
    """Whether an output is the same in two batches, and by how much it differs; of whole numbers nearly all are."""
    with np.errstate(invalid="ignore"):
        gap = np.where(alike(first, second), 0.0, np.abs(first.astype(np.float64) - second.astype(np.float64)))
    error = float(np.nan_to_num(gap, nan=np.inf).max(initial=0.0))
    if first.dtype.kind != "f":
        return float(np.mean(gap == 0)) >= LEAST_DECIDED, error
    return error <= within, error
