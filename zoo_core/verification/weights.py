"""Do the file's constants hold the checkpoint? Bit by bit where a tensor is kept, recomputed where it was folded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.records import CheckResult

Array = NDArray[Any]
Arrays = Mapping[str, Array]

FOLD_ULPS = 4
"""A fold is a handful of float32 operations; the order in which they are done may move the last bits."""


@dataclass(frozen=True, kw_only=True)
class Norm:
    """A BatchNorm of the checkpoint: the prefix of its tensors ("layer1.bn1.") and its epsilon."""

    prefix: str
    eps: float


def same_bits(first: Array, second: Array) -> bool:
    """Equal shape, dtype and bytes; so NaN equals NaN, and 0.0 is not -0.0."""
    return first.shape == second.shape and first.dtype == second.dtype and first.tobytes() == second.tobytes()


def check_converted(converted: Arrays, checkpoint: Arrays) -> CheckResult:
    """Rule "weights", first half: what the exporter made, before any optimiser, equals the checkpoint bit for bit."""
    named = [name for name in converted if name in checkpoint]
    wrong = [name for name in named if not same_bits(converted[name], checkpoint[name])]
    if wrong:
        text = f"the converted graph holds other values than the checkpoint in {_listed(wrong)}"
        return CheckResult(rule="weights", outcome="failed", detail=text)
    if not named and any(value.size for value in checkpoint.values()):
        text = "the converted graph names no tensor of the checkpoint, so its weights cannot be compared"
        return CheckResult(rule="weights", outcome="not-conclusive", detail=text)
    text = f"{len(named)} of {len(named)} converted tensors equal the checkpoint bit for bit"
    return CheckResult(rule="weights", outcome="passed", detail=text)


def check_saved(saved: Arrays, checkpoint: Arrays, *, used: Sequence[str], norms: Sequence[Norm] = ()) -> CheckResult:
    """Rule "weights", second half: the saved file accounts for every tensor in `used` (names of the checkpoint).

    A tensor is accounted for when it is there bit for bit (under its name, shared under another, or transposed), or
    when a BatchNorm was folded into it and the fold, recomputed here, gives the saved values. Saved constants that
    come from nowhere fail nothing by themselves; they are counted.
    """
    explained: dict[str, str] = {}
    sources: set[str] = set()
    by_content = {value.tobytes(): name for name, value in saved.items()}
    for name in used:
        if place := _found(checkpoint[name], name, saved, by_content):
            explained[name] = "kept"
            sources.add(place)
    open_names = [name for name in used if name not in explained]
    for fold in _folds(open_names, saved, checkpoint, norms):
        for name in fold.accounts_for:
            explained.setdefault(name, "folded")
        sources.update(fold.saved_as)
    missing = [name for name in used if name not in explained]
    if missing:
        text = f"the saved file does not hold the checkpoint's {_listed(missing)}"
        return CheckResult(rule="weights", outcome="failed", detail=text)
    kept = sum(how == "kept" for how in explained.values())
    text = (
        f"{kept} tensors kept bit for bit, {len(explained) - kept} folded and recomputed, "
        f"{len(set(saved) - sources)} other constants"
    )
    return CheckResult(rule="weights", outcome="passed", detail=text)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"


def _found(value: Array, name: str, saved: Arrays, by_content: Mapping[bytes, str]) -> str | None:
    if name in saved:
        # A tensor that kept its name must have kept its values: equal bytes elsewhere would excuse a swap.
        return name if same_bits(saved[name], value) else None
    candidates = [value, np.ascontiguousarray(value.T)] if value.ndim > 1 else [value]
    for candidate in candidates:
        place = by_content.get(candidate.tobytes())
        if place is not None and saved[place].size == value.size and saved[place].dtype == value.dtype:
            return place
    return None


@dataclass(frozen=True, kw_only=True)
class _Fold:
    accounts_for: tuple[str, ...]
    saved_as: tuple[str, ...]


def _folds(names: Sequence[str], saved: Arrays, checkpoint: Arrays, norms: Sequence[Norm]) -> Iterator[_Fold]:
    """Each BatchNorm that explains a changed weight together with its bias."""
    weights = [name for name in names if name in saved and checkpoint[name].ndim > 1]
    free = list(norms)
    for name in weights:
        for norm in free:
            fold = _fold(name, norm, saved, checkpoint)
            if fold is not None:
                free.remove(norm)
                yield fold
                break


def _fold(name: str, norm: Norm, saved: Arrays, checkpoint: Arrays) -> _Fold | None:
    weight, folded = checkpoint[name], saved[name]
    mean, variance = (checkpoint[norm.prefix + part] for part in ("running_mean", "running_var"))
    gamma = checkpoint.get(norm.prefix + "weight", np.ones_like(mean))
    beta = checkpoint.get(norm.prefix + "bias", np.zeros_like(mean))
    scale = gamma / np.sqrt(variance + np.float32(norm.eps))
    axis = next((a for a in (0, 1) if weight.shape[a] == len(scale) and _scaled(weight, scale, folded, a)), None)
    if axis is None:
        return None
    bias_name = name.removesuffix("weight") + "bias"
    old_bias = checkpoint.get(bias_name, np.zeros_like(mean))
    bias = (old_bias - mean) * scale + beta
    size = (np.abs(old_bias) + np.abs(mean)) * np.abs(scale) + np.abs(beta)
    for place in (bias_name, f"{name}_bias"):
        if place in saved and _close(saved[place], bias, size):
            parts = [norm.prefix + part for part in ("weight", "bias", "running_mean", "running_var")]
            used = [part for part in (name, bias_name, *parts) if part in checkpoint]
            return _Fold(accounts_for=tuple(used), saved_as=(name, place))
    return None


def _scaled(weight: Array, scale: Array, folded: Array, axis: int) -> bool:
    shape = [1] * weight.ndim
    shape[axis] = -1
    expected = weight * scale.reshape(shape)
    return _close(folded, expected, np.abs(expected))


def _close(actual: Array, expected: Array, size: Array) -> bool:
    if actual.shape != expected.shape or actual.dtype != expected.dtype:
        return False
    allowed = FOLD_ULPS * np.finfo(np.float32).eps * size
    return bool(np.all(np.abs(actual - expected) <= allowed))
