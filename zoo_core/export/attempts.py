"""One attempt at a file after the other, until one is verified: optimised, not optimised, by the other exporter."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from zoo_core.environment import package_versions
from zoo_core.errors import NotVerifiedError
from zoo_core.files import json_text, write_atomic
from zoo_core.records import CheckResult
from zoo_core.runtime.metadata import Metadata
from zoo_core.verification.vectors import write_vectors

from .attachment import NodeFacts, netron_attachment
from .check import Verdict, check_file
from .clean import clean, module_of, serialized, set_metadata
from .converted import Converted, Exporter
from .expected import Expected
from .plan import ExportPlan
from .publish import MODEL_FILE
from .reference import TorchReference
from .write import OptimizerError, convert

VERSIONED = ("zoo-core", "torch", "onnx", "onnxscript", "onnxruntime", "numpy")

Progress = Callable[[str], None]

_WAYS: tuple[tuple[Exporter, bool], ...] = (("dynamo", True), ("dynamo", False), ("torchscript", True))


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What came of one way to make the file: its verdict, and the sha256 of the bytes that were judged."""

    verdict: Verdict
    digest: str | None = None
    converted: bool = False
    optimizer_failed: bool = False


def best_attempt(
    plan: ExportPlan, folder: Path, *, reference: TorchReference, expected: Expected, progress: Progress
) -> Attempt:
    """The first attempt whose file in `folder` is verified; where none is, the first one again, with its file.

    The exporter's optimiser and its newer half are fallible. So a file that fails is made again without the optimiser,
    and what cannot be converted is given to the TorchScript exporter; what it took is a line of the report.
    """
    failures: list[tuple[str, Attempt]] = []
    for exporter, optimize in _WAYS:
        if not _worth_trying(exporter, [attempt for _, attempt in failures]):
            continue
        how = _in_words(exporter, optimize)
        progress(f"converting to ONNX{how}")
        attempt = _attempt(plan, folder, reference, expected, (exporter, optimize), progress=progress)
        if attempt.verdict.outcome == "verified":
            return _with_history(attempt, how, failures)
        failures.append((how, attempt))
    if len(failures) > 1:
        # The folder is to hold the file that the report speaks of.
        return _attempt(plan, folder, reference, expected, _WAYS[0], progress=progress)
    return failures[0][1]


def _in_words(exporter: Exporter, optimize: bool) -> str:
    other = " with the TorchScript exporter" if exporter == "torchscript" else ""
    return other + ("" if optimize else " without its optimiser")


def _worth_trying(exporter: Exporter, before: list[Attempt]) -> bool:
    if not before:
        return True
    last = before[-1]
    if exporter == "torchscript":
        return not any(attempt.converted for attempt in before)
    return last.optimizer_failed or (last.converted and last.verdict.outcome == "failed")


def _with_history(attempt: Attempt, how: str, failures: list[tuple[str, Attempt]]) -> Attempt:
    """The report says what was tried before, and why that was not good enough."""
    if not failures:
        return attempt
    first = next(check for check in failures[0][1].verdict.checks if check.outcome not in {"passed", "skipped"})
    text = f"converted{how}, because the usual way failed: {first.rule}: {first.detail}"
    history = CheckResult(rule="exporter", outcome="passed", detail=text)
    verdict = Verdict(checks=(*attempt.verdict.checks, history), outputs=attempt.verdict.outputs)
    return Attempt(verdict=verdict, digest=attempt.digest, converted=True)


def _attempt(
    plan: ExportPlan,
    folder: Path,
    reference: TorchReference,
    expected: Expected,
    way: tuple[Exporter, bool],
    *,
    progress: Progress,
) -> Attempt:
    exporter, optimize = way
    try:
        converted = convert(plan, reference.module, exporter=exporter, optimize=optimize)
        metadata = metadata_of(plan, expected)
        digest = _write(plan, folder, converted, expected, metadata)
    except NotVerifiedError as error:
        failed = CheckResult(rule="conversion", outcome="failed", detail=error.message)
        return Attempt(verdict=Verdict(checks=(failed,)), optimizer_failed=isinstance(error, OptimizerError))
    progress("checking the file without PyTorch")
    with checking_copy(converted) as copy:
        verdict = check_file(
            folder / MODEL_FILE,
            plan,
            expected=expected,
            converted=converted,
            reference=reference,
            metadata=metadata,
            copy=copy,
        )
    return Attempt(verdict=verdict, digest=digest, converted=True)


@contextlib.contextmanager
def checking_copy(converted: Converted) -> Iterator[Path | None]:
    """The cleaned file once more, with the cuts of its stages as further outputs; None where there are none."""
    cuts = set(converted.exported.cuts)
    if not cuts:
        yield None
        return
    copy = onnx.ModelProto()
    copy.CopyFrom(converted.model)
    copy.graph.output.extend(value for value in converted.model.graph.value_info if value.name in cuts)
    with tempfile.TemporaryDirectory(prefix="zoo-copy-") as folder:
        path = Path(folder) / MODEL_FILE
        path.write_bytes(serialized(copy))
        yield path


def _write(plan: ExportPlan, folder: Path, converted: Converted, expected: Expected, metadata: Metadata) -> str:
    """Write the model and what goes with it; the sha256 of the model's bytes, taken before they reach the disk."""
    model = converted.model
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
