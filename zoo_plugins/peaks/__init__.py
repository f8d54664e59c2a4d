"""Noisy sequences with one peak each, and where it is: made, not measured, the same on every machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from zoo_core import DatasetSpec, TensorSpec, UsageError, hookimpl

if TYPE_CHECKING:
    from zoo_core.data import ArraySplit

LIMITS = {"length": (4, 1_000_000), "count": (1, 10_000_000), "seed": (0, 2**64 - 1)}
MOST_VALUES = 100_000_000


def peaks(
    root: Path,
    *,
    split: str,
    download: bool,
    length: Annotated[int, "places of a sequence"] = 100,
    count: Annotated[int, "sequences in each part"] = 200,
    seed: Annotated[int, "another one gives other data"] = 0,
) -> ArraySplit:
    """`count` sequences (N, 1, length) and masks (N, length) for each split; the splits have nothing in common.

    A peak of height 1 to 3 that starts in the first half, a sine of frequency 0.05 to 0.2 and amplitude 0.5 to 1.5,
    and noise of 0.1. The first sequences are the same for every `count`.
    """
    from .sequences import make_sequences

    for name, value in (("length", length), ("count", count), ("seed", seed)):
        low, high = LIMITS[name]
        if not low <= value <= high:
            raise UsageError(f"dataset peaks: {name} is {low} to {high:,}, not {value:,}", hint=f"-d {name}={low}")
    if length * count > MOST_VALUES:
        raise UsageError(
            f"dataset peaks: {count:,} sequences of {length:,} values are too many", hint="fewer: -d count=N"
        )
    return make_sequences(split, length=length, count=count, seed=seed)


@hookimpl
def zoo_datasets() -> Iterator[DatasetSpec]:
    yield DatasetSpec(
        name="peaks",
        load=peaks,
        task="sequence-segmentation",
        summary="generated: noisy sequences with a peak to find",
        inputs={"sequence": TensorSpec("N", 1, "length")},
        classes=("background", "peak"),
        splits=("train", "validation", "test"),
        source="https://github.com/trokas/ai_primer",
        license="CC0-1.0",
    )
