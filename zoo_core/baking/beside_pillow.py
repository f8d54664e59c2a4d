"""Does the file prepare pictures as Pillow does, and answer as PyTorch? On drawn and real ones of several sizes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import PIL
from numpy.typing import NDArray

from zoo_core.export.convert.clean import serialized
from zoo_core.files import temporary_folder, write_atomic
from zoo_core.records import CheckResult, OutputError, counted
from zoo_core.specs import Preprocess
from zoo_core.tasks import Deciding, Task
from zoo_core.verification.conclude.same_decisions import check_decisions
from zoo_core.verification.expect.bounds import check_values, output_error
from zoo_core.verification.feed.rows import joined
from zoo_core.verification.subject.subject import DEFAULT_SETTINGS, Group, Setting, SubjectResult, run_subject

from .bakeable import Interface
from .drawn.preparation import PREPARED
from .head import PROBABILITIES
from .picture_cases import Case, Expected

Arrays = Mapping[str, NDArray[Any]]
RULE = "pictures"
"""Prepared inside as Pillow and numpy do it: to the bit."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What three files gave for the pictures of one case: one with what it has prepared as an output; and, where that
    is right, the published one, and the float file for what Pillow has prepared."""

    case: Case
    setting: Setting
    prepared: NDArray[Any]
    outputs: Arrays = field(default_factory=dict)
    by_pillow: Arrays = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """The results of the rules, the worst error of each output, and what the report says of it."""

    checks: tuple[CheckResult, ...]
    outputs: tuple[OutputError, ...]
    measured: Mapping[str, Any]


def agreement(
    path: Path, float_path: Path, *, interface: Interface, expected: Expected, task: Task, free: bool
) -> Agreement:
    """Run the file at `path`; and beside the float file that it was made of, once it is known to prepare rightly.

    Raises SubjectError where one of them cannot be run.
    """
    cases, name = expected.cases, interface.name
    raw = _groups(cases, {name: [case.pictures.pixels for case in cases]}, free=free)
    with temporary_folder("zoo-bake-") as folder:
        inside = run_subject(_copy_of(path, folder / path.name), raw)
    runs = [
        Ran(case=case, setting=setting, prepared=_outputs(inside, setting, number)[PREPARED])
        for setting in DEFAULT_SETTINGS
        for number, case in enumerate(cases)
    ]
    checks = list(_check_prepared(runs, interface.recipe))
    if all(check.outcome == "passed" for check in checks):
        whole = run_subject(path, raw)
        prepared = _groups(cases, {name: [case.pictures.prepared for case in cases]}, free=free)
        by_pillow = run_subject(float_path, prepared, settings=DEFAULT_SETTINGS[:1])
        runs = [
            dataclasses.replace(
                run,
                outputs=_outputs(whole, run.setting, place % len(cases)),
                by_pillow=_outputs(by_pillow, DEFAULT_SETTINGS[0], place % len(cases)),
            )
            for place, run in enumerate(runs)
        ]
        checks += _check_outputs(runs, task)
    return Agreement(checks=tuple(checks), outputs=_worst(runs), measured=_measured(runs, task))


def _called(number: int) -> str:
    return f"pictures {number}"


def _groups(cases: Sequence[Case], inputs: Mapping[str, Sequence[NDArray[Any]]], *, free: bool) -> list[Group]:
    """The pictures of each case: all together where the batch is free."""
    ((name, arrays),) = inputs.items()
    found = []
    for number, (case, array) in enumerate(zip(cases, arrays, strict=True)):
        rows = tuple(range(len(case.pictures)))
        batches = [rows] if free else [(row,) for row in rows]
        found.append(Group(name=_called(number), inputs={name: array}, batches=batches))
    return found


def _outputs(result: SubjectResult, setting: Setting, number: int) -> Arrays:
    return joined(result.outputs[setting, _called(number)])


def _copy_of(path: Path, copy: Path) -> Path:
    """The same file, with what it has prepared as a further output."""
    model = onnx.load(path)
    model.graph.output.extend(value for value in model.graph.value_info if value.name == PREPARED)
    write_atomic(copy, serialized(model))
    return copy


def _check_prepared(runs: Sequence[Ran], recipe: Preprocess) -> Iterator[CheckResult]:
    """Rule "pictures": what the file has prepared is what Pillow and numpy make of the same pictures, to the bit."""
    for setting in dict.fromkeys(run.setting for run in runs):
        own = [run for run in runs if run.setting == setting]
        count = sum(len(run.case.pictures) for run in own)
        sizes = len({run.case.pictures.size for run in own})
        worst = max(own, key=lambda run: levels_off(run.prepared, run.case.pictures.prepared, recipe))
        levels = levels_off(worst.prepared, worst.case.pictures.prepared, recipe)
        if levels == 0:
            text = (
                f"{setting}: {counted(count, 'picture')} of {counted(sizes, 'size')} prepared as by Pillow, to the bit"
            )
            yield CheckResult(rule=RULE, outcome="passed", detail=text)
            continue
        off = "of another shape" if levels == np.inf else f"up to {levels:.3g} of 255 levels off what Pillow gives"
        text = f"{setting}: a picture of {worst.case.pictures} pixels ({worst.case.pictures.source}) is {off}"
        yield CheckResult(rule=RULE, outcome="failed", detail=text)


def levels_off(found: NDArray[Any], wanted: NDArray[Any], recipe: Preprocess) -> float:
    """How far prepared pictures are from others, in levels of 255; infinite where they cannot be compared."""
    if found.shape != wanted.shape or found.dtype != wanted.dtype:
        return float("inf")
    if np.array_equal(found, wanted):
        return 0.0
    step = recipe.scale / max(abs(value) for value in recipe.std)
    apart = np.abs(found.astype(np.float64) - wanted.astype(np.float64)).max()
    return float(np.nan_to_num(apart / abs(step), nan=np.inf))


def _check_outputs(runs: Sequence[Ran], task: Task) -> Iterator[CheckResult]:
    """Rules "values" and "decisions": answers are those of PyTorch, and of the float file, for the same pictures."""
    for run in runs:
        where = f"{run.setting}, pictures of {run.case.pictures}"
        wrong = [name for name, bound in run.case.bounds.items() if run.outputs[name].shape != bound.expected.shape]
        if wrong:
            text = f"{where}: {wrong[0]} has the shape {run.outputs[wrong[0]].shape}"
            yield CheckResult(rule="values", outcome="failed", detail=text)
            continue
        yield from check_values(where, run.outputs, run.case.bounds)
        if task.deciding is not None:
            yield check_decisions(where, task.deciding, _without_head(run.outputs), _without_head(run.case.bounds))


def _without_head(outputs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in outputs.items() if name != PROBABILITIES}


def _worst(runs: Sequence[Ran]) -> tuple[OutputError, ...]:
    found: dict[str, OutputError] = {}
    for run in runs:
        for name, bound in run.case.bounds.items():
            if name in run.outputs and run.outputs[name].shape == bound.expected.shape:
                error = output_error(run.outputs[name], bound)
                if name not in found or not error.floors <= found[name].floors:
                    found[name] = error
    return tuple(found.values())


def _measured(runs: Sequence[Ran], task: Task) -> dict[str, Any]:
    """What the report says of real pictures: beside the float file, fed with what Pillow prepares."""
    real = [run for run in runs if run.case.pictures.draw is None]
    first = [run for run in real if run.setting == DEFAULT_SETTINGS[0]]
    deciding = task.deciding if all(run.outputs for run in first) else None
    flips = None if deciding is None else [_flipped(run, deciding) for run in first]
    return {
        "pillow": PIL.__version__,
        "pictures": [
            {"source": run.case.pictures.source, "size": list(run.case.pictures.size), "n": len(run.case.pictures)}
            for run in first
        ],
        "n": sum(len(run.case.pictures) for run in first),
        "largest_difference": {
            "prepared": max((_apart(run.prepared, run.case.pictures.prepared) for run in real), default=0.0),
            "outputs": {
                name: max(_apart(run.outputs[name], run.by_pillow[name]) for run in real) for name in real[0].by_pillow
            }
            if real
            else {},
        },
        "decisions": None if flips is None else {"of": sum(of for _, of in flips), "flipped": sum(n for n, _ in flips)},
    }


def _apart(first: NDArray[Any], second: NDArray[Any]) -> float:
    """The largest distance; infinite for arrays that differ in shape."""
    if first.shape != second.shape:
        return float("inf")
    with np.errstate(invalid="ignore"):
        return float(np.abs(first.astype(np.float64) - second.astype(np.float64)).max(initial=0.0))


def _flipped(run: Ran, deciding: Deciding) -> tuple[int, int]:
    mine, theirs = deciding.decisions(_without_head(run.outputs)), deciding.decisions(run.by_pillow)
    return (int((mine != theirs).sum()), mine.size) if mine.shape == theirs.shape else (theirs.size, theirs.size)
