"""Samples of different lengths in one array, by a declared rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Side = Literal["end", "begin"]


def padded(
    samples: Sequence[NDArray[Any]],
    *,
    value: float = 0,
    side: Side = "end",
    multiple: int = 1,
    length: int | None = None,
    axis: int = 0,
) -> NDArray[Any]:
    """Samples that differ along `axis` as one array (N, ...).

    All get the `length`, or that of the longest brought to a `multiple`. `side`: where `value` is added to a shorter
    one; a longer one is cut at its end.
    """
    wanted = target_length([sample.shape[axis] for sample in samples], multiple=multiple, length=length)
    return np.stack([_brought(sample, wanted, value, side, axis) for sample in samples])


def mask_of(
    lengths: Sequence[int], *, side: Side = "end", multiple: int = 1, length: int | None = None
) -> NDArray[np.bool_]:
    """Which places of samples that `padded` has brought to one length are their own: bool (N, L)."""
    ones = [np.ones(each, np.bool_) for each in lengths]
    return padded(ones, value=0, side=side, multiple=multiple, length=length)


def target_length(lengths: Sequence[int], *, multiple: int = 1, length: int | None = None) -> int:
    """The length that samples of these lengths are brought to, at least 1."""
    longest = max(lengths, default=0)
    return length if length is not None else max(1, -(-longest // multiple)) * multiple


def _brought(sample: NDArray[Any], wanted: int, value: float, side: Side, axis: int) -> NDArray[Any]:
    have = sample.shape[axis]
    if have >= wanted:
        return sample.take(range(wanted), axis=axis)
    widths = [(0, 0)] * sample.ndim
    widths[axis] = (0, wanted - have) if side == "end" else (wanted - have, 0)
    return np.pad(sample, widths, constant_values=value)
