"""One attempt at a file after the other, until one is verified: optimised, not optimised, by the other exporter."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from zoo_core.environment import package_versions
from zoo_core.errors import AxisConflictError, NotVerifiedError
from zoo_core.files import json_text, write_atomic
from zoo_core.records import CheckResult
from zoo_core.runtime.reading.metadata import Metadata
from zoo_core.runtime.reading.wire import OnnxFile
from zoo_core.shelf import MODEL_FILE
from zoo_core.verification.feed.vectors import write_vectors
from zoo_core.verification.subject.speed import speed_ratio

from .blame.inquiry import errors_of_nodes, inquire
from .blame.probe import NodeError
from .check.check import Verdict, check_file
from .convert.clean import clean, module_of, set_metadata
from .convert.convert import convert
from .convert.program import Converted, without_optimizer
from .convert.saving import Model, save_model
from .plan.plan import ExportPlan
from .publish.attachment import NodeFacts, netron_attachment
from .reference.expected import Expected
from .reference.reference import TorchReference
from .reference.within_limits import within_limits

VERSIONED = ("zoo-core", "torch", "onnx", "onnxscript", "onnxruntime", "numpy")
NETRON_FILE = "netron.json"

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What came of one way to make the file: its verdict, and the sha256 of each file of the model that was judged."""

    verdict: Verdict
    digests: Mapping[str, str] | None = None
    described: str = ""


def best_attempt(
    plan: ExportPlan, folder: Path, *, reference: TorchReference, expected: Callable[[], Expected], progress: Progress
) -> Attempt:
    """The first attempt that is verified, its files in `folder`; where none is, the first one with its files.

    `expected` waits for what PyTorch computes meanwhile; what it raises comes before what the exporters complain of.

    What cannot be converted is given to the TorchScript exporter, and a file that fails is made again without the
    optimiser; what it took is a line of the report.
    """
    notes: list[str] = []
    conflicts: list[str] = []
    try:
        converted = _converted(plan, reference, notes, conflicts, progress=progress)
    except NotVerifiedError as error:
        expected()
        return _not_converted(error.message)
    plan, known = _within(plan, converted, expected(), reference)

    def judged(subject: Converted, place: Path) -> Attempt:
        progress("checking the file without PyTorch")
        return _attempt(plan, place, reference, known, subject)

    attempt = judged(converted, folder)
    if attempt.verdict.outcome != "failed":
        return _noted(attempt, notes)
    if cause := (*_begins_late(plan, converted), *_conflicting(conflicts)):
        return _noted(attempt, notes, cause)  # it is known: no node is to blame, no other attempt helps
    progress("looking for the guilty node")
    path = folder / MODEL_FILE
    blamed = inquire(path, converted, known, attempt.verdict.checks, batch_is_free=plan.batch_is_free)
    if converted.plain is not None:
        again = folder / "again"
        second = judged(without_optimizer(converted), again)
        if second.verdict.outcome == "verified":
            notes.append(_because(attempt, blamed) + _slower(again / MODEL_FILE, path, known))
            return _noted(_in_place_of(folder, again, second), notes)
        shutil.rmtree(again, ignore_errors=True)
    return _noted(attempt, notes, blamed)


def _within(
    plan: ExportPlan, converted: Converted, known: Expected, reference: TorchReference
) -> tuple[ExportPlan, Expected]:
    """The plan with the ends that the trace takes for granted, and what is expected within them."""
    plan = dataclasses.replace(plan, traced=_ends(plan, converted))
    return plan, within_limits(plan, known, reference)


def _converted(
    plan: ExportPlan, reference: TorchReference, notes: list[str], conflicts: list[str], *, progress: Progress
) -> Converted:
    """The program from the first exporter that manages; `notes` gets what went wrong before, `conflicts` that axes
    cannot be free, of which the other exporter takes no notice."""
    progress("converting to ONNX")
    failed = ""
    try:
        converted = convert(plan, reference.module, gives_tensors=reference.gives_tensors)
    except NotVerifiedError as error:
        failed = error.message
        conflicts += [error.message] if isinstance(error, AxisConflictError) else []
    if failed:  # outside of the handler: the other exporter's own reason must not have this one as its context
        progress("converting to ONNX with the TorchScript exporter")
        try:
            converted = convert(plan, reference.module, exporter="torchscript")
        except NotVerifiedError as other:
            raise NotVerifiedError(f"{failed}; nor by the TorchScript exporter: {other.message}") from None
        notes.append(f"converted by the TorchScript exporter, because the usual one fails: {failed}")
    if converted.optimizer_problem:
        notes.append(f"not optimised, because {converted.optimizer_problem}")
    return converted


def _ends(plan: ExportPlan, converted: Converted) -> dict[str, int]:
    """Where the trace ends free axes before the place that is declared."""
    declared = plan.model.spec.largest
    ends = {axis: limits.largest for axis, limits in converted.limits.items() if limits.largest is not None}
    return {axis: size for axis, size in ends.items() if size < declared.get(axis, size + 1)}


def _begins_late(plan: ExportPlan, converted: Converted) -> tuple[CheckResult, ...]:
    """Why a file may be wrong at small sizes: the trace has taken a branch for larger ones."""
    declared = plan.model.spec.smallest
    return tuple(
        CheckResult(
            rule="axes",
            outcome="failed",
            detail=f"the axis {axis} is free from {limits.smallest} on: the trace takes it for granted, and the model "
            f"computes smaller ones in another way; declare smallest={{{axis!r}: {limits.smallest}}}, or a fixed size",
        )
        for axis, limits in converted.limits.items()
        if limits.smallest > declared.get(axis, 1)
    )


def _conflicting(conflicts: list[str]) -> tuple[CheckResult, ...]:
    return tuple(CheckResult(rule="axes", outcome="failed", detail=conflict) for conflict in conflicts)


def _in_place_of(folder: Path, again: Path, attempt: Attempt) -> Attempt:
    """The attempt whose files are in `again`, a folder inside `folder`; they take the place of all beside it."""
    for entry in folder.iterdir():
        if entry != again:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    for entry in again.iterdir():
        entry.rename(folder / entry.name)
    again.rmdir()
    return attempt


def _because(attempt: Attempt, blamed: tuple[CheckResult, ...]) -> str:
    first = next(check for check in attempt.verdict.checks if check.outcome == "failed")
    where = "".join(f"; {check.detail}" for check in blamed)
    return f"not optimised, because the optimised file failed: {first.rule}: {first.detail}{where}"


def _slower(path: Path, rejected: Path, expected: Expected) -> str:
    """What it costs in speed to do without the optimiser."""
    ratio = speed_ratio(path, rejected, inputs=expected.vector_inputs)
    return "" if ratio is None else f"; it takes {ratio:.2f} times as long as the optimised one"


def _not_converted(why: str) -> Attempt:
    failed = CheckResult(rule="conversion", outcome="failed", detail=why)
    return Attempt(verdict=Verdict(checks=(failed,)))


def _noted(attempt: Attempt, notes: list[str], blamed: tuple[CheckResult, ...] = ()) -> Attempt:
    """The report says who is to blame, what was tried before, and why that was not good enough."""
    told = tuple(CheckResult(rule="exporter", outcome="passed", detail=note) for note in notes)
    verdict = Verdict(checks=(*attempt.verdict.checks, *blamed, *told), outputs=attempt.verdict.outputs)
    return dataclasses.replace(attempt, verdict=verdict)


def _attempt(
    plan: ExportPlan, folder: Path, reference: TorchReference, expected: Expected, converted: Converted
) -> Attempt:
    try:
        metadata = metadata_of(plan, expected)
        digests = _write(plan, folder, converted, expected, metadata)
    except NotVerifiedError as error:
        return _not_converted(error.message)
    errors: dict[str, NodeError] = {}

    def look_at_nodes(file: OnnxFile) -> None:
        errors.update(errors_of_nodes(file, converted, expected))

    with checking_copy(converted) as copy:
        verdict = check_file(
            folder / MODEL_FILE,
            plan,
            expected=expected,
            converted=converted,
            reference=reference,
            metadata=metadata,
            copy=copy,
            meanwhile=look_at_nodes,
        )
    if verdict.outcome == "verified":
        write_atomic(folder / NETRON_FILE, json_text(_attachment(converted.model, errors)))
    described = hashlib.sha256(metadata.to_json().encode()).hexdigest()
    return Attempt(verdict=verdict, digests=digests, described=described)


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
        save_model(Model(proto=copy, outside=converted.outside), path.parent)
        yield path


def _write(
    plan: ExportPlan, folder: Path, converted: Converted, expected: Expected, metadata: Metadata
) -> dict[str, str]:
    """Write the model and what goes with it; the sha256 of the model's files, taken before they reach the disk."""
    model = converted.model
    clean(model, plan)
    set_metadata(model, metadata)
    digests = save_model(Model(proto=model, outside=converted.outside), folder)
    write_vectors(folder, expected.vector_inputs, expected.vector_outputs)
    write_atomic(folder / NETRON_FILE, json_text(_attachment(model, {})))
    return digests


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
        weights=plan.weights,
        opset=plan.opset,
        untrained=plan.untrained,
        versions=package_versions(VERSIONED),
        self_test=expected.self_test,
        layer=plan.layer,
        largest=plan.largest,
    )


def _attachment(model: onnx.ModelProto, errors: Mapping[str, NodeError]) -> dict[str, Any]:
    sizes = {tensor.name: _elements(tensor) for tensor in model.graph.initializer}
    facts = [
        NodeFacts(
            name=node.name,
            op_type=node.op_type,
            module=module_of(node)[0],
            parameters=sum(sizes.get(name, 0) for name in node.input),
            error=errors[node.name].error if node.name in errors else None,
            floors=errors[node.name].floors if node.name in errors else None,
        )
        for node in model.graph.node
    ]
    return netron_attachment(facts)


def _elements(tensor: onnx.TensorProto) -> int:
    count = 1
    for dim in tensor.dims:
        count *= dim
    return count
