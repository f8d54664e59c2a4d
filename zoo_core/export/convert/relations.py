"""What a trace takes for granted of free axes beyond a range: one is even, one is the larger, one is not 64."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy  # type: ignore[import-untyped]

from zoo_core.shapes import TensorSpec
from zoo_core.verification.feed.sizes import Sizes

FURTHEST = 256
"""Sizes of one axis that are looked at for one where a relation does not hold."""
NEAR = 2
"""And of several axes together, around the usual one of each."""


@dataclass(frozen=True)
class Relation:
    """A condition on free axes in which the trace was made, such as `L % 2 == 0`; `axes` are those it speaks of."""

    text: str
    axes: tuple[str, ...]
    expression: Any = field(repr=False)

    def holds(self, sizes: Sizes) -> bool:
        """Whether it is so for these sizes of all its axes; it is not where it divides by zero."""
        symbols = {symbol: sizes[symbol.name] for symbol in self.expression.free_symbols}
        try:
            return bool(self.expression.subs(symbols))
        except ZeroDivisionError:
            return False

    def exception(self, usual: Sizes, *, smallest: Mapping[str, int], largest: Mapping[str, int]) -> Sizes | None:
        """The sizes nearest to the usual ones where it does not hold; None where there are none within the ends."""
        candidates = [
            {**usual, **dict(zip(self.axes, sizes, strict=True))}
            for sizes in itertools.product(*(self._near(axis, usual) for axis in self.axes))
        ]
        legal = [
            sizes
            for sizes in candidates
            if all(smallest.get(axis, 1) <= sizes[axis] <= largest.get(axis, math.inf) for axis in self.axes)
        ]
        broken = [sizes for sizes in legal if not self.holds(sizes)]
        return min(broken, key=lambda sizes: sum(abs(sizes[axis] - usual[axis]) for axis in self.axes), default=None)

    def _near(self, axis: str, usual: Sizes) -> Iterable[int]:
        if len(self.axes) == 1:
            return range(1, FURTHEST)
        others = {usual[other] for other in self.axes}
        return sorted({size + step for size in others for step in range(-NEAR, NEAR + 1) if size + step > 0})


def traced_relations(program: Any, inputs: Mapping[str, TensorSpec]) -> tuple[Relation, ...]:
    """The conditions under which a program of torch.export was traced, beyond the range of a single axis."""
    from torch.utils._sympy.printers import PythonPrinter

    axes, environment = _axes_of(program, inputs)
    asserts = getattr(environment, "deferred_runtime_asserts", {}).get(None, ())
    found: dict[str, Relation] = {}
    for condition in itertools.chain.from_iterable(_parts(each.expr) for each in asserts):
        if not condition.free_symbols or not condition.free_symbols <= set(axes):
            continue
        names = tuple(dict.fromkeys(axes[symbol][0] for symbol in sorted(condition.free_symbols, key=str)))
        if len(names) == 1 and _is_range(condition):
            continue  # the range of one axis, which the limits say
        sizes = {symbol: axes[symbol][1] for symbol in condition.free_symbols}
        expression = condition.subs(sizes)
        text = PythonPrinter().doprint(expression)
        found[text] = Relation(text, names, expression)
    return tuple(found.values())


def _axes_of(program: Any, inputs: Mapping[str, TensorSpec]) -> tuple[dict[Any, tuple[str, Any]], Any]:
    """The free axis that each symbol of the trace stands for, and the symbol's size in terms of it; its environment."""
    nodes = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    axes: dict[Any, tuple[str, Any]] = {}
    environment = None
    for name, spec in zip(program.graph_signature.user_inputs, inputs.values(), strict=False):
        for axis, size in zip(spec.parsed, nodes[name].meta["val"].shape, strict=False):
            expression = getattr(getattr(size, "node", None), "expr", None)
            if axis.name is None or not isinstance(expression, sympy.Symbol):
                continue
            environment = size.node.shape_env
            own = sympy.Symbol(axis.name, positive=True, integer=True)
            axes[expression] = (axis.name, axis.factor * own + axis.offset)
    return axes, environment


def _parts(condition: Any) -> Iterator[Any]:
    """The conditions of which all have to hold."""
    if isinstance(condition, sympy.And):
        for part in condition.args:
            yield from _parts(part)
    else:
        yield condition


def _is_range(condition: Any) -> bool:
    """An axis on one side, a number on the other, and one is the larger."""
    sides = [side.is_Symbol or side.is_Number for side in condition.args]
    return condition.is_Relational and all(sides) and not isinstance(condition, sympy.Eq | sympy.Ne)
