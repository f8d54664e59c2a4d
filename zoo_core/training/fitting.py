"""From what a file of weights holds to the names of a model: wrappers are taken off, and what was taken off is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from zoo_core.errors import ZooError
from zoo_core.records import counted
from zoo_core.registry import warn

_WRAPPERS = frozenset({"module", "_orig_mod"})
"""What DataParallel and torch.compile put into the names of whatever they wrap."""
_LEVELS = 3
"""Of mappings inside mappings; deeper ones hold no weights."""


@dataclass(frozen=True, kw_only=True)
class FittingPart:
    """Tensors by the names of a model; `told` says what was done to the names in the file, empty for nothing."""

    tensors: Mapping[str, Tensor] = field(repr=False)
    told: str = ""


def tensors_in(found: Any) -> dict[str, Tensor]:
    """Every tensor in mappings inside mappings, by its dotted name: `{"model": {"fc.bias": b}}` has "model.fc.bias".

    Raises ZooError for a name that is there twice.
    """
    tensors: dict[str, Tensor] = {}
    _collect(found, "", tensors, levels=_LEVELS)
    return tensors


def _collect(found: Any, prefix: str, tensors: dict[str, Tensor], *, levels: int) -> None:
    if not isinstance(found, Mapping):
        return
    for key, value in found.items():
        name = f"{prefix}{key}"
        if isinstance(key, str) and isinstance(value, Tensor):
            if name in tensors:
                raise ZooError(f"a file of weights has two tensors called {name!r}", hint="only one can be meant")
            tensors[name] = value
        elif isinstance(key, str) and levels:
            _collect(value, f"{name}.", tensors, levels=levels - 1)


def fitting_part(
    tensors: Mapping[str, Tensor], module: nn.Module, *, source: str, choose: Callable[[str], str]
) -> FittingPart:
    """The part of a file that holds the names of `module`, under these names; what was done is said on stderr, too.

    It is the one prefix under which most of the model's names stand, at least half of them; where fewer are found, the
    tensors come as they are. `module` and `_orig_mod` inside the names are left out where more names fit without them,
    and a tensor that is tied to one in the file is taken from there. Raises ZooError where two parts fit alike.
    `source` says whose weights they are, `choose(prefix)` how one of two is chosen.
    """
    expected = module.state_dict()
    if tensors.keys() == expected.keys():
        return FittingPart(tensors=tensors)
    named, done = dict(tensors), []
    prefixes, unwrapped = _prefixes(named, expected), _unwrapped(named)
    if unwrapped and max(_prefixes(unwrapped, expected).values(), default=0) > max(prefixes.values(), default=0):
        named, prefixes = unwrapped, _prefixes(unwrapped, expected)
        done.append("'module' and '_orig_mod' inside their names")
    prefix = _fullest(prefixes, least=len(expected) / 2, source=source, choose=choose)
    if prefix:
        done.insert(0, f"the prefix {prefix!r}")
    part = {name.removeprefix(prefix): tensor for name, tensor in named.items() if name.startswith(prefix)}
    told = [f"read without {' and '.join(done)}"] if done else []
    told += [f"{counted(len(named) - len(part), 'other tensor')} left out"] if len(part) < len(named) else []
    tied = _tied(part, expected)
    told += [f"{', '.join(tied)} taken from the tensor that it is tied to"] if tied else []
    if told:
        warn(f"the weights {source}: {'; '.join(told)}")
    return FittingPart(tensors={**part, **tied}, told="; ".join(told))


def _prefixes(names: Iterable[str], expected: Collection[str]) -> Counter[str]:
    """How many of the expected names stand behind each prefix: "" or one that ends in a dot."""
    counts: Counter[str] = Counter()
    for name in names:
        parts = name.split(".")
        for place in range(len(parts)):
            if ".".join(parts[place:]) in expected:
                counts["".join(f"{part}." for part in parts[:place])] += 1
    return counts


def _unwrapped(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors without the wrappers in their names; empty where there are none, or two would be called alike."""
    bare = {".".join(part for part in name.split(".") if part not in _WRAPPERS): name for name in tensors}
    if len(bare) < len(tensors) or all(short == name for short, name in bare.items()):
        return {}
    return {short: tensors[name] for short, name in bare.items()}


def _fullest(prefixes: Counter[str], *, least: float, source: str, choose: Callable[[str], str]) -> str:
    most = max(prefixes.values(), default=0)
    if most < least or not most:
        return ""
    fullest = sorted(prefix for prefix, count in prefixes.items() if count == most)
    if len(fullest) > 1:
        shown = " and under ".join(map(repr, fullest))
        raise ZooError(f"the weights {source} fit the model more than once: under {shown}", hint=choose(fullest[-1]))
    return fullest[0]


def _tied(part: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names of the module that the part lacks, and what it holds for the same place in memory."""
    places = {_place(expected[name]): tensor for name, tensor in part.items() if name in expected}
    lacking = {name: _place(tensor) for name, tensor in expected.items() if name not in part}
    return {name: places[place] for name, place in lacking.items() if place and place in places}


def _place(tensor: Any) -> tuple[Any, ...] | None:
    if not isinstance(tensor, Tensor) or not tensor.numel() or not tensor.data_ptr():
        return None
    return (tensor.data_ptr(), tensor.shape, tensor.stride())
