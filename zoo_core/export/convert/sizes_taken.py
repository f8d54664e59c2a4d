"""Which sizes of a free axis a model takes, where it refuses some, and what to declare: multiples, or a smallest size.

Nothing is guessed: PyTorch is run at the sizes that are named, and at those between them.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator

from torch import nn

from zoo_core.errors import AxisConflictError, FailedForwardError
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.shapes import Axis
from zoo_core.torch_modules import named_outputs
from zoo_core.verification.feed.rows import BATCH
from zoo_core.verification.feed.sizes import Sizes, free_sizes, shown

from .conflicts import conflict_told, run_at, working_sizes

LARGEST_STEP = 64
"""The most that two sizes of an axis may be apart, of a model that takes multiples."""


@contextlib.contextmanager
def explaining_sizes(plan: ExportPlan) -> Iterator[None]:
    """A forward that fails inside is told with the axis that cannot be free, or with the sizes that it takes."""
    try:
        yield
    except FailedForwardError as error:
        told = failure_told(plan, plan.build().eval().requires_grad_(False), error)
        raise AxisConflictError(told, hint=error.hint) from error


def failure_told(plan: ExportPlan, module: nn.Module, error: FailedForwardError) -> str:
    """The message for a forward that fails at some size, with what to declare, or to give as `--size`."""
    if told := _sizes_told(plan, module):
        return f"{error.message} ({told})"
    if conflict := conflict_told(plan, module):
        return f"{conflict} ({error.message})"
    return f"{error.message}{sizes_tried(plan)}"


def _sizes_told(plan: ExportPlan, module: nn.Module) -> str:
    """Multiples and ends of the free axes; empty where there are none, or they cannot be found."""
    axes = free_sizes(plan.inputs.values())
    if plan.model.spec.stages is not None:
        return ""
    try:
        if not axes or (working := working_sizes(plan, module)) is None:
            return ""
        told = [said for axis in axes if (said := _axis_told(plan, module, working, axis))]
    except Exception:  # noqa: BLE001 a diagnosis that cannot be made leaves what is always true
        return ""
    given = " ".join(f"--size {axis}={working[axis]}" for axis in axes)
    return "; ".join([*told, f"or give {given}"]) if told else ""


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
        return _fits(plan, module, {BATCH: 1, **working, axis: size})

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
    return _ends_told(plan, axis, usual, takes)


def _fits(plan: ExportPlan, module: nn.Module, sizes: Sizes) -> bool:
    """Whether the module runs at these sizes, and gives what is declared for them."""
    try:
        found = run_at(plan, module, sizes)
    except FailedForwardError:
        return False
    read = plan.model.spec.read_outputs
    outputs = named_outputs(found if read is None else read(found), list(plan.outputs))
    return all(tuple(value.shape) == plan.outputs[name].shape(sizes) for name, value in outputs.items())


def _ends_told(plan: ExportPlan, axis: str, usual: int, takes: Callable[[int], bool]) -> str:
    """Where the sizes of an axis begin and end, if that is not where they are declared to."""
    refused = [size for size in {case[axis] for case in plan.size_cases} if not takes(size)]
    told, declared = [], []
    if any(size < usual for size in refused):
        smallest = _last_taken(usual, max(size for size in refused if size < usual), takes)
        told.append(f"from {smallest} on")
        declared.append(f"smallest={{{axis!r}: {smallest}}}")
    if any(size > usual for size in refused):
        largest = _last_taken(usual, min(size for size in refused if size > usual), takes)
        told.append(f"up to {largest}")
        declared.append(f"largest={{{axis!r}: {largest}}}")
    if not told:
        return ""
    return f"PyTorch takes {axis} {' and '.join(told)}: declare {' and '.join(declared)} in its ModelSpec"


def _last_taken(taken: int, refused: int, takes: Callable[[int], bool]) -> int:
    """The size that is taken and whose neighbour is not, between these two."""
    while abs(refused - taken) > 1:
        middle = (taken + refused) // 2
        taken, refused = (middle, refused) if takes(middle) else (taken, middle)
    return taken


def _every(axis: Axis, step: int, rest: int) -> Axis:
    """The axis of which only every `step`-th value is left, `rest` being one of them."""
    return dataclasses.replace(axis, factor=axis.factor * step, offset=axis.offset + axis.factor * rest)
