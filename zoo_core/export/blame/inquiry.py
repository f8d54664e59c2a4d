"""What the report says of single nodes: who is guilty when a file fails, and how far each node is when it does not."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo_core.export.convert.program import Converted
from zoo_core.export.reference.case import Case
from zoo_core.export.reference.expected import Expected
from zoo_core.records import CheckResult
from zoo_core.runtime.reading.wire import OnnxFile
from zoo_core.verification.feed.rows import PLAUSIBLE
from zoo_core.verification.subject.subject import DEFAULT_SETTINGS, Setting

from .blame import Blame, blame, node_errors
from .probe import NodeError

RULE = "blame"
ROWS = 3
"""Rows of a batch that is run again: enough for one to leak into another."""
NUMBERS = frozenset(("values", "run", "structure"))
"""Rules that fail because of what the file computes, or cannot."""
BY_VALUES = frozenset(("values", "self-test", "test vectors", "decisions", "dataset"))
"""Rules that fail because a file which runs, and has the right form, computes other numbers."""


@dataclass(frozen=True, kw_only=True)
class Inquiry:
    """Rule "blame" for a file that failed: `by_values` where its numbers are wrong, `guilty` where a node is named."""

    checks: tuple[CheckResult, ...] = ()
    by_values: bool = False
    guilty: bool = False


def errors_of_nodes(file: OnnxFile, converted: Converted, expected: Expected) -> dict[str, NodeError]:
    """The error of each node for the first test vector, by node name; see `node_errors`.

    Of a model in stages only what comes before the first choice: behind it nothing can be compared from end to end.
    """
    row = {name: value[:1] for name, value in expected.vector_inputs.items()}
    errors = node_errors(file, converted.traced, inputs=row, cuts=converted.exported.cuts)
    if not converted.exported.stages:
        return errors
    before = _before_choices(converted)
    return {name: error for name, error in errors.items() if name in before}


def _before_choices(converted: Converted) -> set[str]:
    """Names of the nodes that the stages before the first choice need."""
    wanted: set[str] = set()
    for stage in itertools.takewhile(lambda stage: not stage.selects, converted.exported.stages):
        wanted.update(stage.outputs)
    found = set()
    for node in reversed(converted.model.graph.node):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            found.add(node.name)
    return found


def inquire(
    path: Path, converted: Converted, expected: Expected, checks: Sequence[CheckResult], *, batch_is_free: bool
) -> Inquiry:
    """Rule "blame": which node made the rules in `checks` fail; nothing where none of them is about numbers.

    `path` is the file that failed. The rows of each size are tried, plausible ones first, until a node is found.
    """
    failed = {check.rule for check in checks if check.outcome == "failed"}
    by_values = bool(failed & BY_VALUES)
    if not failed & NUMBERS or converted.exported.stages:
        return Inquiry(by_values=by_values)  # of a model in stages the rules name the stage, each on its own inputs
    texts: list[str] = []
    for trial in _trials(expected, free=batch_is_free):
        found = _blame(path, converted, expected, trial)
        if found.guilty is not None:
            checked = CheckResult(rule=RULE, outcome="failed", detail=found.text)
            return Inquiry(checks=(checked,), by_values=by_values, guilty=True)
        texts.append(found.text)
    if "values" not in failed:  # another shape or name than declared, in a file whose every node is right
        return Inquiry(by_values=by_values)
    return Inquiry(checks=(CheckResult(rule=RULE, outcome="failed", detail=texts[0]),), by_values=by_values)


@dataclass(frozen=True, kw_only=True)
class _Trial:
    case: Case
    rows: list[int]
    setting: Setting
    corner: bool = False


def _trials(expected: Expected, *, free: bool) -> Iterator[_Trial]:
    most = ROWS if free else 1
    default, plain = DEFAULT_SETTINGS[0], DEFAULT_SETTINGS[-1]
    for case in expected.cases:
        plausible = [row for row, kind in enumerate(case.rows.kinds) if kind in PLAUSIBLE]
        yield _Trial(case=case, rows=plausible[:most], setting=plain)
    usual = expected.usual
    plausible = [row for row, kind in enumerate(usual.rows.kinds) if kind in PLAUSIBLE]
    yield _Trial(case=usual, rows=plausible[:most], setting=default)
    others = [row for row in range(len(usual.rows)) if row not in plausible]
    for row in others:
        yield _Trial(case=usual, rows=[row], setting=plain, corner=True)


def _blame(path: Path, converted: Converted, expected: Expected, trial: _Trial) -> Blame:
    if not trial.rows:
        return Blame(text="there is no row to look at")
    index = np.array(trial.rows)
    return blame(
        path,
        converted.traced,
        inputs={name: value[index] for name, value in trial.case.rows.inputs.items()},
        expected={name: bound.expected[index] for name, bound in trial.case.bounds.items()},
        setting=trial.setting,
        corner=trial.corner,
        cuts=converted.exported.cuts,
    )
