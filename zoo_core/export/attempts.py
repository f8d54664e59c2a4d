"""One attempt at a file after the other, until one is verified: the optimised file, then whatever else there is."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from zoo_core.bundle_files import MODEL_FILE
from zoo_core.errors import AxisConflictError, NotVerifiedError
from zoo_core.records import CheckResult
from zoo_core.verification.subject.speed import speed_ratio

from .attempt import Attempt, make_attempt, not_converted
from .blame.inquiry import Inquiry, inquire
from .check.check import Verdict
from .convert.convert import convert
from .convert.program import Converted, without_optimizer
from .plan.plan import ExportPlan
from .reference.beyond_trace import beyond_trace
from .reference.expected import Expected, compute_expected
from .reference.reference import TorchReference
from .reference.within_limits import within_limits

Progress = Callable[[str], None]


def best_attempt(
    plan: ExportPlan, folder: Path, *, reference: TorchReference, expected: Callable[[], Expected], progress: Progress
) -> Attempt:
    """The first attempt that is verified, its files in `folder`; where none is, the first one with its files.

    `expected` waits for what PyTorch computes meanwhile; what it raises comes before what the exporters complain of.

    What cannot be converted is given to the TorchScript exporter, and a file that fails is made in other ways; what was
    tried, and why, are lines of the report.
    """
    notes: list[str] = []
    conflicts: list[str] = []
    try:
        converted = _converted(plan, reference, notes, conflicts, progress=progress)
    except NotVerifiedError as error:
        expected()
        return not_converted(plan, error.message)
    first, known = _judged(plan, converted, folder, reference, expected(), progress)
    if first.verdict.outcome != "failed":
        return _noted(first, notes)
    if cause := (*_begins_late(plan, converted), *_broken(first, converted, known), *_conflicting(conflicts)):
        return _noted(first, notes, cause)  # no node is to blame, and no other attempt helps
    progress("looking for the guilty node")
    inquiry = inquire(folder / MODEL_FILE, converted, known, first.verdict.checks, batch_is_free=plan.batch_is_free)
    if inquiry.by_values and not inquiry.guilty:
        return _noted(first, notes, inquiry.checks)  # the cause is unknown: another file could be right by accident
    attempt = _another(plan, folder, _Failed(first, converted, inquiry, known), reference, notes, progress)
    return attempt or _noted(first, notes, inquiry.checks)


@dataclass(frozen=True)
class _Failed:
    """The first attempt, which failed, and what is known of it."""

    attempt: Attempt
    converted: Converted
    inquiry: Inquiry
    expected: Expected

    @property
    def called(self) -> str:
        """What tells its file from others."""
        return "first" if self.converted.plain is None else "optimised"

    @property
    def why(self) -> str:
        where = "".join(f"; {check.detail}" for check in self.inquiry.checks)
        return f"{_first_failure(self.attempt)}{where}"


@dataclass(frozen=True, kw_only=True)
class _Way:
    """Another way to make the file: what the report says of it, the plan that it carries out, and how to convert."""

    told: str
    plan: ExportPlan
    convert: Callable[[], Converted]


def _other_ways(plan: ExportPlan, converted: Converted, reference: TorchReference) -> Iterator[_Way]:
    """In the order in which they are tried: the TorchScript exporter last, because it leaves no trace to look at."""
    again = partial(convert, module=reference.module, gives_tensors=reference.gives_tensors)
    if converted.plain is not None:
        yield _Way(told="not optimised", plan=plan, convert=lambda: without_optimizer(converted))
    if converted.exporter == "torchscript":
        return
    if plan.other_opset is not None and plan.other_opset != plan.opset:
        other = dataclasses.replace(plan, opset=plan.other_opset)
        yield _Way(told=f"opset {other.opset} in place of {plan.opset}", plan=other, convert=lambda: again(other))
    yield _Way(
        told="converted by the TorchScript exporter", plan=plan, convert=lambda: again(plan, exporter="torchscript")
    )


def _another(
    plan: ExportPlan,
    folder: Path,
    failed: _Failed,
    reference: TorchReference,
    notes: list[str],
    progress: Progress,
) -> Attempt | None:
    """The first other way that is verified, its files in `folder`; None where there is none.

    `notes` get what was tried. Each is judged by rows of another seed: the first file must not have been unlucky, nor
    this one lucky.
    """
    expected = None
    again = folder / "again"
    for way in _other_ways(plan, failed.converted, reference):
        progress(f"trying again: {way.told}")
        shutil.rmtree(again, ignore_errors=True)
        try:
            converted = way.convert()
            expected = expected or compute_expected(plan, reference, seed=failed.expected.seed + 1)
            attempt, _ = _judged(way.plan, converted, again, reference, expected, progress)
        except NotVerifiedError as error:
            notes.append(f"tried, and rejected: {way.told}: {error.message}")
            continue
        if attempt.verdict.outcome == "verified":
            slower = _slower(again / MODEL_FILE, folder / MODEL_FILE, failed)
            notes.append(f"{way.told}, because the {failed.called} file failed: {failed.why}{slower}")
            return _noted(_in_place_of(folder, again, attempt), notes)
        notes.append(f"tried, and rejected: {way.told}: {_first_failure(attempt)}")
    shutil.rmtree(again, ignore_errors=True)
    return None


def _judged(
    plan: ExportPlan,
    converted: Converted,
    folder: Path,
    reference: TorchReference,
    expected: Expected,
    progress: Progress,
) -> tuple[Attempt, Expected]:
    """The attempt within the sizes that this trace takes for granted, and what was expected there."""
    plan = dataclasses.replace(plan, traced=_ends(plan, converted))
    known = beyond_trace(plan, converted, within_limits(plan, expected, reference), reference)
    progress("checking the file without PyTorch")
    return make_attempt(plan, folder, reference, known, converted), known


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


def _broken(attempt: Attempt, converted: Converted, known: Expected) -> tuple[CheckResult, ...]:
    """Why a file is wrong at sizes that break a condition of the trace, and at no others."""
    failed = [check.detail for check in attempt.verdict.checks if check.outcome == "failed"]
    wrong = [case.sizes for case in known.cases if any(f", {case}{end}" in text for text in failed for end in ",:")]
    relations = [each for each in converted.relations if set(each.axes) <= set(known.usual.sizes)]
    if not wrong or any(all(relation.holds(sizes) for relation in relations) for sizes in wrong):
        return ()
    return tuple(
        CheckResult(
            rule="axes",
            outcome="failed",
            detail=f"the trace takes for granted that {relation.text}, and the model computes other sizes in another "
            "way; declare axes for which it always is so, such as '2*L' for an even L, or a fixed size",
        )
        for relation in relations
        if not all(relation.holds(sizes) for sizes in wrong)
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


def _first_failure(attempt: Attempt) -> str:
    first = next(check for check in attempt.verdict.checks if check.outcome != "passed")
    return f"{first.rule}: {first.detail}"


def _slower(path: Path, rejected: Path, failed: _Failed) -> str:
    """What it costs in speed to do without the file that was rejected."""
    ratio = speed_ratio(path, rejected, inputs=failed.expected.vector_inputs)
    return "" if ratio is None else f"; it takes {ratio:.2f} times as long as the {failed.called} one"


def _noted(attempt: Attempt, notes: list[str], blamed: tuple[CheckResult, ...] = ()) -> Attempt:
    """The report says who is to blame, what was tried before, and why that was not good enough."""
    told = tuple(CheckResult(rule="exporter", outcome="passed", detail=note) for note in notes)
    verdict = Verdict(checks=(*attempt.verdict.checks, *blamed, *told), outputs=attempt.verdict.outputs)
    return dataclasses.replace(attempt, verdict=verdict)
