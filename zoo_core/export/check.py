"""The check of an export, joined from its rules: what PyTorch computes, what the file computes, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from zoo_core.errors import NotVerifiedError, ZooError
from zoo_core.records import CheckResult, Outcome, OutputError
from zoo_core.runtime.metadata import KEY, Metadata
from zoo_core.runtime.vet import vet
from zoo_core.runtime.wire import OnnxFile
from zoo_core.verification.bounds import (
    LARGEST_FLOOR,
    OutputBound,
    Reference,
    check_sensitivity,
    check_values,
    output_error,
)
from zoo_core.verification.bundle import onnx_checker, outcome_of
from zoo_core.verification.decisions import check_decisions, check_parity
from zoo_core.verification.inputs import PLAUSIBLE, Rows, batches_of, make_rows
from zoo_core.verification.self_test import ROWS as SELF_TEST_ROWS
from zoo_core.verification.self_test import check_self_test, expectations, input_recipe, self_test_inputs
from zoo_core.verification.structure import Interface, check_results, check_structure
from zoo_core.verification.subject import DEFAULT_SETTINGS, Group, Setting, SubjectError, SubjectResult, run_subject
from zoo_core.verification.vectors import check_vectors
from zoo_core.verification.weights import Norm, check_converted, check_saved

from .plan import BATCH, ExportPlan, LabelledInputs
from .reference import Arrays, TorchReference
from .write import Converted

ROW_SEED = 20_000
SELF_TEST_SEED = 10_000
VALIDATION_BATCH = 64


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the file must compute, all of it from PyTorch and none of it from the file.

    `rows` are those where PyTorch itself is finite; `skipped` counts the others. `vectors` are real samples (or
    noise, where there is no dataset) with their expected outputs in float32.
    """

    kind: Reference
    rows: Rows = field(repr=False)
    skipped: int
    bounds: Mapping[str, OutputBound] = field(repr=False)
    self_test: Mapping[str, Any] = field(repr=False)
    vector_inputs: Arrays = field(repr=False)
    vector_outputs: Arrays = field(repr=False)
    validation: Arrays | None = field(default=None, repr=False)


def compute_expected(plan: ExportPlan, reference: TorchReference) -> Expected:
    """Run PyTorch on everything that the file will be asked. Raises NotVerifiedError where PyTorch is no reference."""
    samples = plan.validation.spread() if plan.validation is not None else None
    rows = make_rows(plan.inputs, ranges=plan.ranges, samples=samples, seed=ROW_SEED)
    result = reference.run(rows.inputs)
    kept = np.flatnonzero(result.finite)
    if not len(kept):
        raise NotVerifiedError(f"{plan.model.name} gives no finite output for any input, in PyTorch itself")
    plan.task.decisions(result.float32)  # outputs that the task cannot read are told before anything is converted
    corner = np.array([kind not in PLAUSIBLE for kind in rows.kinds])
    bounds = result.take(kept).bounds(corner=corner[kept])
    for name, bound in bounds.items():
        if bound.relative_floor > LARGEST_FLOOR:
            raise NotVerifiedError(
                f"{name} in float32 is {bound.relative_floor:.2g} of its size away from float64, in PyTorch itself",
                hint="the model is too ill-conditioned to be checked",
            )
    skipped = len(rows) - len(kept)
    rows = rows.take(kept)
    vectors = [i for i, kind in enumerate(rows.kinds) if kind == ("sample" if samples else "noise")]
    return Expected(
        kind=result.kind,
        rows=rows,
        skipped=skipped,
        bounds=bounds,
        self_test=_self_test(plan, reference),
        vector_inputs=dict(rows.take(vectors).inputs),
        vector_outputs={n: b.expected[vectors].astype(plan.outputs[n].dtype) for n, b in bounds.items()},
        validation=reference.float32(plan.validation.inputs) if plan.validation is not None else None,
    )


def _self_test(plan: ExportPlan, reference: TorchReference) -> dict[str, Any]:
    recipe = input_recipe(
        {name: spec.shape({BATCH: SELF_TEST_ROWS}) for name, spec in plan.inputs.items()},
        ranges=plan.ranges,
        dtypes={name: spec.dtype for name, spec in plan.inputs.items()},
        seed=SELF_TEST_SEED,
    )
    result = reference.run(self_test_inputs(recipe))
    if not result.finite.all():
        raise NotVerifiedError(f"{plan.model.name} gives outputs that are not finite for plausible inputs, in PyTorch")
    return expectations(recipe, result.bounds(), seed=SELF_TEST_SEED)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Every rule's result, the worst error of each output, and the outcome that follows from them."""

    checks: tuple[CheckResult, ...]
    outputs: tuple[OutputError, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """What follows from all of them."""
        return outcome_of(self.checks)


def check_file(
    path: Path,
    plan: ExportPlan,
    *,
    expected: Expected,
    converted: Converted,
    reference: TorchReference,
    metadata: Metadata,
) -> Verdict:
    """Judge the saved file at `path` by every rule; `metadata` is what it has to say of itself."""
    try:
        file = vet(path)
    except ZooError as error:
        return Verdict(checks=(CheckResult(rule="structure", outcome="failed", detail=error.message),))
    interface = Interface(inputs=plan.inputs, outputs=plan.outputs, opset=plan.opset)
    checks = [
        _inputs(expected),
        *check_structure(file, interface),
        onnx_checker(path),
        _metadata(file, metadata),
        *_weights(file, plan, converted, reference),
    ]
    if any(check.outcome == "failed" and check.rule == "structure" for check in checks):
        # Results of a file with other inputs or outputs could not be told apart.
        return Verdict(checks=tuple(checks))
    try:
        result = run_subject(path, _groups(plan, expected))
    except SubjectError as error:
        return Verdict(checks=(*checks, CheckResult(rule="run", outcome="failed", detail=error.message)))
    found, errors = _check_results(plan, expected, result)
    checks += found
    if plan.validation is not None:
        checks.append(_parity(plan, plan.validation, expected, result, reference))
    return Verdict(checks=tuple(checks), outputs=errors)


def _check_results(
    plan: ExportPlan, expected: Expected, result: SubjectResult
) -> tuple[list[CheckResult], tuple[OutputError, ...]]:
    """The rules for what the file computed, under every setting; and the worst error of each output."""
    checks: list[CheckResult] = []
    errors: dict[str, OutputError] = {}
    largest = {name: float(bound.bound.max()) for name, bound in expected.bounds.items()}
    for setting in DEFAULT_SETTINGS:
        found, worst = _check_rows(setting, plan, expected, result)
        checks += found
        for error in worst:
            if error.name not in errors or not error.floors <= errors[error.name].floors:
                errors[error.name] = error
        checks += check_self_test(str(setting), expected.self_test, result.outputs[setting, "self-test"][0])[0]
        vectors = _joined(result.outputs[setting, "vectors"])
        checks += check_vectors(str(setting), expected.vector_outputs, vectors, bounds=largest)
    return checks, tuple(errors.values())


def _inputs(expected: Expected) -> CheckResult:
    kinds = expected.rows.kinds
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    text = f"{len(kinds)} rows ({counts}); {expected.skipped} skipped, where PyTorch itself is not finite"
    return CheckResult(rule="inputs", outcome="passed", detail=text)


def _groups(plan: ExportPlan, expected: Expected) -> list[Group]:
    test_inputs = self_test_inputs(expected.self_test)
    vector_rows = len(next(iter(expected.vector_inputs.values())))
    groups = [
        Group(name="rows", inputs=expected.rows.inputs, batches=batches_of(len(expected.rows))),
        Group(name="self-test", inputs=test_inputs, batches=[range(SELF_TEST_ROWS)]),
        Group(name="vectors", inputs=expected.vector_inputs, batches=[range(vector_rows)]),
    ]
    if plan.validation is not None:
        cuts = _cuts(len(plan.validation.targets))
        groups.append(Group(name="validation", inputs=plan.validation.inputs, batches=cuts, every_setting=False))
    return groups


def _cuts(total: int) -> list[range]:
    return [range(start, min(start + VALIDATION_BATCH, total)) for start in range(0, total, VALIDATION_BATCH)]


def _joined(batches: Sequence[Mapping[str, Any]]) -> Arrays:
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def _check_rows(
    setting: Setting, plan: ExportPlan, expected: Expected, result: SubjectResult
) -> tuple[list[CheckResult], list[OutputError]]:
    """Rules structure, values, sensitivity and decisions on the batches of 1, 2, 3 and 5 rows."""
    batches = batches_of(len(expected.rows))
    where, found = str(setting), result.outputs[setting, "rows"]
    checks: list[CheckResult] = []
    for rows, outputs in zip(batches, found, strict=True):
        checks += check_results(f"{where}, batch of {len(rows)}", outputs, plan.outputs, sizes={BATCH: len(rows)})
    if checks:
        return checks, []
    index = np.array([row for rows in batches for row in rows])
    bounds = {name: bound.take(index) for name, bound in expected.bounds.items()}
    actual = _joined(found)
    plausible = np.array([expected.rows.kinds[row] in PLAUSIBLE for row in index])
    checks += check_values(where, actual, bounds)
    checks += check_sensitivity(
        where,
        {name: value[plausible] for name, value in actual.items()},
        {name: float(bound.bound[plausible].max()) for name, bound in bounds.items()},
    )
    checks.append(check_decisions(where, plan.task, actual, bounds))
    return checks, [output_error(actual[name], bound) for name, bound in bounds.items()]


def _metadata(file: OnnxFile, metadata: Metadata) -> CheckResult:
    """Rule "metadata": labels, preprocessing, self-test and the rest, read back, are what was meant to be written."""
    if file.metadata_props.get(KEY) != metadata.to_json():
        text = "what the file says of itself is not what was written"
        return CheckResult(rule="metadata", outcome="failed", detail=text)
    return CheckResult(rule="metadata", outcome="passed", detail="labels, preprocessing and self-test, read back")


def _weights(file: OnnxFile, plan: ExportPlan, converted: Converted, reference: TorchReference) -> list[CheckResult]:
    checkpoint = {name: _array(tensor) for name, tensor in plan.checkpoint.items()}
    saved = {name: tensor.array() for name, tensor in file.initializers.items()}
    norms = [
        Norm(prefix=f"{name}." if name else "", eps=module.eps)
        for name, module in reference.module.named_modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.track_running_stats
    ]
    return [
        check_converted(converted.initializers, checkpoint, used=converted.used),
        check_saved(saved, checkpoint, used=converted.used, norms=norms),
    ]


def _array(tensor: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = tensor.detach().cpu().contiguous().numpy()
    return array


def _parity(
    plan: ExportPlan,
    validation: LabelledInputs,
    expected: Expected,
    result: SubjectResult,
    reference: TorchReference,
) -> CheckResult:
    outputs = result.outputs[DEFAULT_SETTINGS[0], "validation"]
    for batch, rows in zip(outputs, _cuts(len(validation.targets)), strict=True):
        if wrong := check_results("validation", batch, plan.outputs, sizes={BATCH: len(rows)}):
            return wrong[0]

    def bounds_of(rows: NDArray[np.int64]) -> dict[str, OutputBound]:
        some = {name: value[rows] for name, value in validation.inputs.items()}
        return reference.run(some).bounds(known=expected.bounds)

    return check_parity(
        plan.task,
        torch_outputs=expected.validation or {},
        file_outputs=_joined(outputs),
        targets=validation.targets,
        reference=bounds_of,
    )
