"""Which sizes of a free axis a model takes, where it refuses some, and what to declare: multiples, or a smallest size.

Nothing is guessed: PyTorch is run at the sizes that are named, and at those between them.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

from torch import nn

from zoo_core.errors import AxisConflictError, FailedForwardError
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.shapes import Axis
from zoo_core.verification.feed.sizes import Sizes, free_sizes, shown

from .conflicts import conflict_told, error_at, working_sizes

LARGEST_STEP = 64
"""The most that two sizes of an axis may be apart, of a model that takes multiples."""


@contextlib.contextmanager
def explaining_sizes(plan: ExportPlan) -> Iterator[None]:
    """A forward that fails inside is told with the axis that cannot be free, or with the sizes that it takes."""
    try:
        yield
    except FailedForwardError as error:
        module = plan.build().eval().requires_grad_(False)
        if conflict := conflict_told(plan, module):
            raise AxisConflictError(f"{conflict} ({error.message})") from error
        raise FailedForwardError(f"{error.message}{sizes_told(plan, module)}", hint=error.hint) from error


def sizes_told(plan: ExportPlan, module: nn.Module) -> str:
    """What to declare, or to give as `--size`, for a model that fails at some sizes of its free axes.

    In brackets, for the end of a message; empty where no axis is free.
    """
    axes = free_sizes(plan.inputs.values())
    if not axes or plan.model.spec.stages is not None:
        return sizes_tried(plan)
    try:
        working = working_sizes(plan, module)
        if working is None:
            return sizes_tried(plan)
        told = [said for axis in axes if (said := _axis_told(plan, module, working, axis))]
    except Exception:  # noqa: BLE001 a diagnosis that cannot be made leaves what is always true
        return sizes_tried(plan)
    given = " ".join(f"--size {axis}={working[axis]}" for axis in axes)
    return f" ({'; '.join(told)}; or give {given})" if told else f"{sizes_tried(plan)[:-1]}; or give {given})"


def sizes_tried(plan: ExportPlan) -> str:
    """Where what a model cannot take is declared, in brackets; empty where no axis is free."""
    if not free_sizes(plan.inputs.values()):
        return ""
    tried = "; ".join(shown(sizes) for sizes in plan.size_cases)
    return (
        f" (sizes that are tried: {tried}; what it cannot take is declared by smallest= or largest= of its ModelSpec)"
    )


def _axis_told(plan: ExportPlan, module: nn.Module, working: Sizes, axis: str) -> str:
    def takes(size: int) -> bool:
        return error_at(plan, module, {**working, axis: size}) is None

    usual = working[axis]
    step = next((step for step in range(1, LARGEST_STEP + 1) if takes(usual + step)), None)
    if step is None:
        return ""
    if step > 1:
        written = next(each for spec in plan.inputs.values() for each in spec.parsed if each.name == axis)
        instead = _every(written, step, usual % step)
        return (
            f"PyTorch takes {axis}={usual} and {axis}={usual + step}, and nothing between: "
            f'declare "{instead}" in place of "{written}"'
        )
    smallest = next((size for size in range(usual, 0, -1) if not takes(size)), 0) + 1
    if smallest <= plan.model.spec.smallest.get(axis, 1):
        return ""
    return f"PyTorch takes {axis} from {smallest} on: declare smallest={{{axis!r}: {smallest}}} in its ModelSpec"


def _every(axis: Axis, step: int, rest: int) -> Axis:
    """The axis of which only every `step`-th value is left, `rest` being one of them."""
    return dataclasses.replace(axis, factor=axis.factor * step, offset=axis.offset + axis.factor * rest)
