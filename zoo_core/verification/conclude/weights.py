"""Do the file's constants hold the checkpoint? Bit by bit where a tensor is kept, recomputed where it was folded."""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.records import CheckResult, counted

Array = NDArray[Any]
Arrays = Mapping[str, Array]

FOLD_ULPS = 4
"""A fold is a handful of float32 operations; the order in which they are done may move the last bits."""

MOST_IN_A_CHAIN = 16
"""Norms that are tried in pairs for one weight; real nets have two in a row rarely, and few of one width."""


@dataclass(frozen=True, kw_only=True)
class Norm:
    """A BatchNorm of the checkpoint: the prefix of its tensors ("layer1.bn1.") and its epsilon."""

    prefix: str
    eps: float


def same_bits(first: Array, second: Array) -> bool:
    """Equal shape, dtype and bytes; so NaN equals NaN, and 0.0 is not -0.0."""
    return first.shape == second.shape and first.dtype == second.dtype and np.array_equal(_raw(first), _raw(second))


def check_converted(converted: Arrays, checkpoint: Arrays, *, used: Sequence[str]) -> CheckResult:
    """Rule "weights", first half: what the exporter made, before any optimiser, equals the checkpoint bit for bit.

    `used` are the checkpoint's tensors that the traced program reads: each is there under its name, or (tied weights)
    with the same content under another.
    """
    named = [name for name in converted if name in checkpoint]
    contents = _Contents(converted)
    lost = [name for name in used if name not in converted and contents.find(checkpoint[name]) is None]
    wrong = [name for name in named if not same_bits(converted[name], checkpoint[name])]
    if wrong:
        text = f"the converted graph does not hold the checkpoint's values in {_listed(wrong)}"
        return CheckResult(rule="weights", outcome="failed", detail=text)
    if lost:
        text = f"the converted graph does not hold the checkpoint's {_listed(lost)}"
        return CheckResult(rule="weights", outcome="failed", detail=text)
    if checkpoint and not named and not used:
        text = "no tensor of the converted graph has a name from the checkpoint: there is nothing to compare"
        return CheckResult(rule="weights", outcome="not-conclusive", detail=text)
    text = f"{len(named)} of {len(named)} converted tensors equal the checkpoint bit for bit"
    return CheckResult(rule="weights", outcome="passed", detail=text)


def check_saved(saved: Arrays, checkpoint: Arrays, *, used: Sequence[str], norms: Sequence[Norm] = ()) -> CheckResult:
    """Rule "weights", second half: no tensor of the saved file has the name of one in `used` and other values.

    A tensor that kept its name holds the checkpoint bit for bit, or a BatchNorm was folded into it and the fold,
    recomputed here, gives the saved values. One that lost its name is there under another, or transposed, or the
    optimiser computed other constants from it: these are counted, and only the values of the outputs judge them.
    """
    explained: dict[str, str] = {}
    sources: set[str] = set()
    contents = _Contents(saved)
    for name in used:
        if place := _found(checkpoint[name], name, saved, contents):
            explained[name] = "kept"
            sources.add(place)
    open_names = [name for name in used if name not in explained]
    for fold in _folds(open_names, saved, checkpoint, norms):
        for name in fold.accounts_for:
            explained.setdefault(name, "folded")
        sources.update(fold.saved_as)
    wrong = [name for name in used if name not in explained and name in saved]
    if wrong:
        text = f"the saved file does not hold the checkpoint's values in {_listed(wrong)}"
        return CheckResult(rule="weights", outcome="failed", detail=text)
    kept = sum(how == "kept" for how in explained.values())
    text = (
        f"{counted(kept, 'tensor')} kept bit for bit, {len(explained) - kept} folded and recomputed, "
        f"{len(used) - len(explained)} merged by the optimiser, {len(set(saved) - sources)} other constants"
    )
    return CheckResult(rule="weights", outcome="passed", detail=text)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"


def _raw(value: Array) -> NDArray[np.uint8]:
    """The bytes, not copied where they lie in a row."""
    return np.ascontiguousarray(value).reshape(-1).view(np.uint8)


class _Contents:
    """Arrays to be found by their bytes; hashed are those alone that have the size of one that is looked for."""

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = arrays
        self._of_size: dict[tuple[str, int], list[str]] = {}
        for name, value in arrays.items():
            self._of_size.setdefault((str(value.dtype), value.nbytes), []).append(name)
        self._known: dict[tuple[str, int], dict[bytes, str]] = {}

    def find(self, value: Array) -> str | None:
        """The name of an array with the same type and bytes, in whatever shape."""
        size = (str(value.dtype), value.nbytes)
        if size not in self._known:
            # Digests: the weights of a large model are not to be held once more.
            self._known[size] = {_digest(self._arrays[name]): name for name in self._of_size.get(size, ())}
        return self._known[size].get(_digest(value)) if self._known[size] else None


def _digest(value: Array) -> bytes:
    return hashlib.sha256(_raw(value).data).digest()


def _found(value: Array, name: str, saved: Arrays, contents: _Contents) -> str | None:
    if name in saved:
        # A tensor that kept its name must have kept its values: equal bytes elsewhere would excuse a swap.
        return name if same_bits(saved[name], value) else None
    candidates = [value, np.ascontiguousarray(value.T)] if value.ndim > 1 else [value]
    return next((place for each in candidates if (place := contents.find(each)) is not None), None)


@dataclass(frozen=True, kw_only=True)
class _Fold:
    accounts_for: tuple[str, ...]
    saved_as: tuple[str, ...]


def _folds(names: Sequence[str], saved: Arrays, checkpoint: Arrays, norms: Sequence[Norm]) -> Iterator[_Fold]:
    """The BatchNorm, or the two one after the other, that explain a changed weight together with its bias."""
    for name in names:
        if name not in saved or checkpoint[name].ndim < 2:
            continue
        yield from itertools.islice(_folds_of(name, saved, checkpoint, norms), 1)


def _folds_of(name: str, saved: Arrays, checkpoint: Arrays, norms: Sequence[Norm]) -> Iterator[_Fold]:
    for transposed in (False, True):
        found = [(norm, _scale_of(norm, checkpoint, checkpoint[name], transposed)) for norm in norms]
        fitting = [(norm, *scales) for norm, scales in found if scales is not None]
        chains = ((step,) for step in fitting), itertools.permutations(fitting[:MOST_IN_A_CHAIN], 2)
        for chain in itertools.chain(*chains):
            if (fold := _fold(name, chain, saved, checkpoint)) is not None:
                yield fold


def _fold(name: str, chain: Sequence[tuple[Norm, Array, Array]], saved: Arrays, checkpoint: Arrays) -> _Fold | None:
    weight = functools.reduce(lambda product, step: product * step[1], chain, checkpoint[name])
    if not _close(saved[name], weight, np.abs(weight)):
        return None
    bias_name = name.removesuffix("weight") + "bias"
    bias = checkpoint.get(bias_name, np.zeros_like(chain[0][2]))
    size = np.zeros_like(bias)
    used = [part for part in (name, bias_name) if part in checkpoint]
    for norm, _, scale in chain:
        mean, beta = checkpoint[norm.prefix + "running_mean"], checkpoint.get(norm.prefix + "bias", np.float32(0))
        size = np.maximum(size, (np.abs(bias) + np.abs(mean)) * np.abs(scale) + np.abs(beta))
        bias = (bias - mean) * scale + beta
        parts = [norm.prefix + part for part in ("weight", "bias", "running_mean", "running_var")]
        used += [part for part in parts if part in checkpoint]
    for place in (bias_name, f"{name}_bias"):
        if place in saved and _close(saved[place], bias, size):
            return _Fold(accounts_for=tuple(used), saved_as=(name, place))
    return None


def _scale_of(norm: Norm, checkpoint: Arrays, weight: Array, transposed: bool) -> tuple[Array, Array] | None:
    """What a BatchNorm multiplies a weight with (in a shape that broadcasts to the weight's), and its scale (C,).

    Output channels are the first axis; of a transposed convolution the second, times its groups. None where the
    channels do not fit.
    """
    variance = checkpoint[norm.prefix + "running_var"]
    scale = checkpoint.get(norm.prefix + "weight", np.float32(1)) / np.sqrt(variance + np.float32(norm.eps))
    ones = (1,) * (weight.ndim - 2)
    if not transposed:
        return (scale.reshape(-1, 1, *ones), scale) if weight.shape[0] == len(scale) else None
    groups, rest = divmod(len(scale), weight.shape[1])
    if rest or not groups or weight.shape[0] % groups:
        return None
    rows = np.repeat(scale.reshape(groups, weight.shape[1]), weight.shape[0] // groups, axis=0)
    return rows.reshape(*weight.shape[:2], *ones), scale


def _close(actual: Array, expected: Array, size: Array) -> bool:
    if actual.shape != expected.shape or actual.dtype != expected.dtype:
        return False
    allowed = FOLD_ULPS * np.finfo(np.float32).eps * size
    return bool(np.all(np.abs(actual - expected) <= allowed))
