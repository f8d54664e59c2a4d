"""What PyTorch's results must be like, or they are no reference; each raises NotVerifiedError in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zoo_core.errors import NotVerifiedError
from zoo_core.records import counted

Arrays = dict[str, NDArray[Any]]

HALF = frozenset((torch.float16, torch.bfloat16))
DEPENDENT = 1e-2
"""A row that moves by that part of its size with the rows beside it, in float64, depends on them."""


def require_axes(outputs: Mapping[str, Tensor]) -> None:
    """Every output has a batch."""
    if bare := [name for name, value in outputs.items() if not value.ndim]:
        raise NotVerifiedError(
            f"{', '.join(bare)} has no axes in PyTorch, and the first axis of every output must be the batch",
            hint="give it one: y.reshape(1) for a model that takes one sample at a time",
        )


def require_rows(outputs: Arrays, rows: int) -> None:
    """As many rows come out as went in."""
    for name, value in outputs.items():
        if len(value) != rows:
            raise NotVerifiedError(
                f"{name} has {counted(len(value), 'row')} for {rows} of the inputs, "
                "and the first axis of an output is the batch",
                hint="put what belongs to one input into further axes: (1, 2, ...) in place of (2, ...)",
            )


def require_full_precision_of(outputs: Mapping[str, Tensor]) -> None:
    """No output is in half precision."""
    for name, value in outputs.items():
        if value.dtype in HALF:
            kind = str(value.dtype).removeprefix("torch.")
            raise NotVerifiedError(
                f"{name} is {kind}: half precision cannot be proved equal yet",
                hint="return float32: y.float(), before what makes it half",
            )


def require_independent(alone: Arrays, together: Arrays) -> None:
    """The first row is the same, but for rounding, whatever comes with it; both in float64."""
    part, name = moved_part(alone, together)
    if part > DEPENDENT:
        raise NotVerifiedError(
            f"rows depend on each other in PyTorch itself: {name} of a row moves by {part:.2g} of its size "
            "with the row beside it",
            hint="a norm without running statistics, or an operation along the batch: make rows independent",
        )


def furthest_row(double: Arrays, single: Arrays) -> tuple[int, float]:
    """The row in which two runs of all rows are furthest apart, and how far, relative to its size; finite rows only."""
    found, most = 0, 0.0
    for name, value in double.items():
        if value.dtype.kind != "f":
            continue
        with np.errstate(invalid="ignore", divide="ignore"):
            gap = np.abs(value - single[name]).reshape(len(value), -1).max(axis=1, initial=0.0)
            size = np.abs(value).reshape(len(value), -1).max(axis=1, initial=0.0)
            parts = np.nan_to_num(np.where(size > 0, gap / size, 0.0), nan=0.0, posinf=0.0)
        row = int(np.argmax(parts))
        if parts[row] > most:
            found, most = row, float(parts[row])
    return found, most


def moved_part(alone: Arrays, together: Arrays) -> tuple[float, str]:
    """How far the first row moves in company, relative to its size, and the output that moves most."""
    most, moved = 0.0, next(iter(alone))
    for name, value in alone.items():
        row, first = together[name][:1], value[:1]
        if first.shape != row.shape or first.dtype.kind != "f" or not (np.isfinite(first) & np.isfinite(row)).all():
            continue
        gap, scale = np.abs(first - row).max(initial=0.0), np.abs(row).max(initial=0.0)
        if gap > most * scale:
            most, moved = float(gap / scale) if scale else np.inf, name
    return most, moved


def versions_of(module: nn.Module) -> dict[str, int]:
    """How often each tensor of its state has been changed in place."""
    state = module.state_dict(keep_vars=True)
    return {name: tensor._version for name, tensor in state.items() if isinstance(tensor, Tensor)}


def require_unchanged(module: nn.Module, versions: Mapping[str, int], checkpoint: Mapping[str, Tensor]) -> None:
    """No tensor of its state that was changed since it had these versions is another than in the checkpoint."""
    touched = [name for name, version in versions_of(module).items() if version != versions.get(name)]
    state = module.state_dict()
    if changed := [name for name in touched if not torch.equal(state[name], checkpoint[name])]:
        raise NotVerifiedError(
            f"{', '.join(changed[:3])} changes each time the model is run, even in eval mode: a file keeps no state "
            "between calls",
            hint="change it in training mode only, or take it as an input and give it back as an output",
        )


def require_equal(first: Arrays, second: Arrays, what: str, hint: str) -> None:
    """Both are equal bit by bit; `what` says what it means when they are not."""
    for name, value in first.items():
        if value.tobytes() != second[name].tobytes():
            raise NotVerifiedError(f"{what.format(name)}, even in eval mode", hint=hint)
