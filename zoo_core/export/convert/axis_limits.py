"""What the trace takes for granted of the free axes: it has taken one branch, and the file is without the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zoo_core.shapes import TensorSpec

USUAL_SMALLEST = 2
"""torch.export makes cases of their own of 0 and 1, for every axis; whether 1 works is seen by running it."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The sizes of a free axis for which a trace holds; `largest` is None where it has no end."""

    smallest: int = 1
    largest: int | None = None


def traced_limits(program: Any, inputs: Mapping[str, TensorSpec]) -> dict[str, Limits]:
    """The sizes for which a program of torch.export holds, of each free axis that it limits; `inputs` in its order."""
    nodes = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    found: dict[str, Limits] = {}
    for name, spec in zip(program.graph_signature.user_inputs, inputs.values(), strict=False):
        shape = nodes[name].meta["val"].shape
        for axis, size in zip(spec.parsed, shape, strict=False):
            if axis.name is None:
                continue
            low, high = _range(size, program.range_constraints)
            smallest = 1 if low is None or low <= USUAL_SMALLEST else -((axis.offset - low) // axis.factor)
            largest = None if high is None else (high - axis.offset) // axis.factor
            before = found.get(axis.name, Limits())
            ends = [end for end in (before.largest, largest) if end is not None]
            found[axis.name] = Limits(smallest=max(before.smallest, smallest), largest=min(ends, default=None))
    return {axis: limits for axis, limits in found.items() if limits != Limits()}


def _range(size: Any, constraints: Mapping[Any, Any]) -> tuple[int | None, int | None]:
    """The smallest and largest value of one size of a traced tensor; None where it has none."""
    from torch.utils._sympy.value_ranges import bound_sympy

    expression = getattr(getattr(size, "node", None), "expr", None)
    if expression is None:  # a number: the axis is not free in this program, which other rules say
        return None, None
    found = bound_sympy(
        expression, {symbol: constraints[symbol] for symbol in expression.free_symbols & set(constraints)}
    )
    return _number(found.lower), _number(found.upper)


def _number(end: Any) -> int | None:
    return int(end) if getattr(end, "is_Integer", False) and abs(int(end)) < _ENDLESS else None


_ENDLESS = 1 << 31
"""Sizes from here on stand for no end at all."""
