"""Which nodes cost most, and how many of them have to be float again until what is lost is allowed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import ZooError
from zoo_core.commands import counted
from zoo_core.runtime import open_model

from .measuring import Answers, answers_of
from .source import Source
from .tools import Tool

if TYPE_CHECKING:
    import onnx

_ROWS = 64
"""Calibration samples on which the cost of a node is measured."""

Save = Callable[["onnx.ModelProto", Tool], Path]
Outputs = list[Mapping[str, NDArray[Any]]]


@dataclass(frozen=True, kw_only=True)
class Walked:
    """The smaller file that is allowed, and the nodes that are float again for it, the most costly first.

    `path` is None where none is: `answers` are then those of the file in which all nodes were made smaller.
    """

    answers: Answers
    path: Path | None
    kept: tuple[str, ...] = ()
    nodes: int = 0


def walk_back(
    tool: Tool,
    source: Source,
    *,
    save: Save,
    allows: Callable[[Mapping[str, float]], bool],
    progress: Callable[[str], None],
) -> Walked:
    """Make the file smaller, and take back as few nodes as possible, those that cost most first.

    Every file that is tried is measured on the whole validation part. Raises ZooError where the file cannot be made
    smaller, or the result cannot be run.
    """

    def tried(kept: Sequence[str]) -> tuple[Path, Answers]:
        path = save(tool.make(kept), tool)
        return path, answers_of(path, source)

    progress("measuring the validation part")
    path, answers = tried(())
    nodes = len(tool.nodes)
    if allows(answers.metrics):
        return Walked(answers=answers, path=path, nodes=nodes)
    order = by_cost(tool, source, save=save, progress=progress)
    passed: dict[int, Answers] = {}

    def enough(count: int) -> bool:
        progress(f"walking back: {count} of {counted(nodes, 'node')} float again")
        found = tried(order[:count])[1]
        if allows(found.metrics):
            passed[count] = found
        return count in passed

    least = _least(nodes - 1, enough)
    if least is None:
        return Walked(answers=answers, path=None, nodes=nodes)
    kept = order[:least]
    return Walked(answers=passed[least], path=save(tool.make(kept), tool), kept=kept, nodes=nodes)


def _least(most: int, enough: Callable[[int], bool]) -> int | None:
    """The least number from 1 to `most` that is enough, if more never is less; None where `most` itself is not.

    By doubling and then by halves, because each try costs a whole validation part.
    """
    too_few, count = 0, 1
    while count <= most and not enough(count):
        if count == most:
            return None
        too_few, count = count, min(2 * count, most)
    if count > most:
        return None
    while count - too_few > 1:
        middle = (too_few + count) // 2
        too_few, count = (too_few, middle) if enough(middle) else (middle, count)
    return count


def by_cost(tool: Tool, source: Source, *, save: Save, progress: Callable[[str], None]) -> tuple[str, ...]:
    """The nodes, the one first that alone takes the outputs furthest from those of the float file."""
    rows = [dict(inputs) for inputs in source.calibration_batches(_ROWS)]
    expected = _outputs(source.path, rows)
    costs = {}
    progress(f"too much is lost: looking at {counted(len(tool.nodes), 'node')}, which of them cost most")
    for node in tool.nodes:
        path = save(tool.make([name for name in tool.nodes if name != node]), tool)
        try:
            costs[node] = _distance(_outputs(path, rows), expected)
        except ZooError:  # it does not run with this node smaller
            costs[node] = float("inf")
    return tuple(sorted(costs, key=lambda node: -costs[node]))


def _outputs(path: Path, rows: Sequence[Mapping[str, NDArray[Any]]]) -> Outputs:
    with open_model(path, isolated=False) as model:
        found: Outputs = []
        for inputs in rows:
            found += [outputs for _, outputs in model.run_batches(inputs)]
        return found


def _distance(found: Outputs, expected: Outputs) -> float:
    """How far outputs are from others, as a part of their size; of those that are not even of one shape, 1."""
    total = 0.0
    for name in expected[0] if expected else ():
        mine = [np.asarray(each[name], np.float64).reshape(-1) for each in found]
        theirs = [np.asarray(each[name], np.float64).reshape(-1) for each in expected]
        mine_all, theirs_all = np.concatenate(mine), np.concatenate(theirs)
        if mine_all.shape != theirs_all.shape:
            total += 1.0
            continue
        with np.errstate(all="ignore"):
            gap, size = np.nansum((mine_all - theirs_all) ** 2), np.nansum(theirs_all**2)
        total += float(gap / size) if size else float(gap > 0)
    return total
