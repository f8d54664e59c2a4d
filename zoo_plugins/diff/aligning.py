"""Which node of one graph is which of the other: by what leads to them, by what they lead to, then by their names."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Hashable

from .structure import Structure, module_of

_Key = Callable[[Structure, int], Hashable]


def _exact_before(graph: Structure, step: int) -> Hashable:
    return graph.exact_digests.before[step]


def _exact_after(graph: Structure, step: int) -> Hashable:
    return graph.exact_digests.after[step]


def _before(graph: Structure, step: int) -> Hashable:
    return graph.digests.before[step]


def _after(graph: Structure, step: int) -> Hashable:
    return graph.digests.after[step]


def _named(key: _Key) -> _Key:
    def both(graph: Structure, step: int) -> Hashable:
        name = graph.steps[step].name
        return (name, key(graph, step)) if name else None

    return both


def _operator(graph: Structure, step: int) -> Hashable:
    return graph.steps[step].op_type


def _of_module(graph: Structure, step: int) -> Hashable:
    module = module_of(graph.steps[step])
    return (module, graph.steps[step].op_type) if module else None


def _alone(graph: Structure, step: int) -> Hashable:
    return graph.digests.alone[step]


_KEYS: tuple[_Key, ...] = (
    # With the values of weights: where a layer is gone, the others are themselves and not their neighbours.
    _exact_before,
    _exact_after,
    _named(_before),
    _named(_after),
    _before,
    _after,
    _named(_operator),
    _of_module,
    _alone,
    _operator,
)


def aligned(first: Structure, second: Structure) -> dict[int, int]:
    """The nodes that belong together, by their places in `steps`; those of one graph alone are left out.

    What is certain comes first: each way to tell nodes apart is tried on those that are left, in their order. The work
    grows with the number of nodes, and not with its square.
    """
    pairs: dict[int, int] = {}
    left, right = list(range(len(first.steps))), list(range(len(second.steps)))
    for key in _KEYS:
        waiting: defaultdict[Hashable, deque[int]] = defaultdict(deque)
        for step in right:
            if (found := key(second, step)) is not None:
                waiting[found].append(step)
        for step in left:
            if (found := key(first, step)) is not None and waiting[found]:
                pairs[step] = waiting[found].popleft()
        taken = set(pairs.values())
        left, right = [step for step in left if step not in pairs], [step for step in right if step not in taken]
        if not (left and right):
            break
    return pairs
