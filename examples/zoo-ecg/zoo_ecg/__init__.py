"""Electrocardiograms with the waves of each beat marked: generated, for methods that need to know the truth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_core import DatasetSpec, TensorSpec, ZooError, hookimpl

if TYPE_CHECKING:
    from zoo_core.data import ArraySplit

CLASSES = ("rest", "p-wave", "qrs-complex", "t-wave")
RHYTHMS = ("regular", "extrasystoles", "fibrillation")
SPLITS = ("train", "validation", "test")
LIMITS = {"length": (64, 100_000), "count": (1, 1_000_000), "noise": (0.0, 1.0), "seed": (0, 2**63 - 1)}
MOST_VALUES = 100_000_000


def ecg_waves(
    root: Path,
    *,
    split: str,
    download: bool,
    length: int = 512,
    count: int = 200,
    noise: float = 0.03,
    seed: int = 0,
) -> ArraySplit:
    """`count` recordings in mV at 250 Hz, float32 (count, 1, length), and the class of each value, (count, length).

    Heart rate (50 to 110 a minute), phase, size and width of the waves, and a slow drift differ between recordings.
    `noise` is the standard deviation of white noise, in mV.
    """
    _check("ecg-waves", length=length, count=count, noise=noise, seed=seed)
    from .recordings import make_recordings  # numpy is needed only when they are made

    return make_recordings(length=length, count=count, noise=noise, seed=(seed, SPLITS.index(split)))


def ecg_rhythms(
    root: Path,
    *,
    split: str,
    download: bool,
    length: int = 1500,
    count: int = 400,
    noise: float = 0.05,
    seed: int = 0,
) -> ArraySplit:
    """`count` recordings in mV at 250 Hz, float32 (count, 1, length), and the number of each one's rhythm, (count,).

    Regular beats; regular ones with some that come early; or beats at random times without P waves, as in atrial
    fibrillation. Heart rates are alike, so that only the distances between beats and the P wave tell them apart.
    """
    _check("ecg-rhythms", length=length, count=count, noise=noise, seed=seed)
    from .rhythms import make_rhythms

    return make_rhythms(length=length, count=count, noise=noise, seed=(seed, SPLITS.index(split)))


def ecg_rates(
    root: Path,
    *,
    split: str,
    download: bool,
    length: int = 1500,
    count: int = 400,
    noise: float = 0.05,
    seed: int = 0,
) -> ArraySplit:
    """The recordings of `ecg_rhythms`, and how many beats a minute each has."""
    _check("ecg-rates", length=length, count=count, noise=noise, seed=seed)
    from .rhythms import make_rates

    return make_rates(length=length, count=count, noise=noise, seed=(seed, SPLITS.index(split)))


def _check(dataset: str, *, length: int, count: int, noise: float, seed: int) -> None:
    for name, value in (("length", length), ("count", count), ("noise", noise), ("seed", seed)):
        low, high = LIMITS[name]
        if not low <= value <= high:
            raise ZooError(f"dataset {dataset}: {name} is {low:,} to {high:,}, not {value:,}", hint=f"-d {name}=...")
    if length * count > MOST_VALUES:
        raise ZooError(f"dataset {dataset}: {count:,} recordings of {length:,} values are too many", hint="-d count=N")


@hookimpl
def zoo_datasets() -> Iterator[DatasetSpec]:
    yield DatasetSpec(
        name="ecg-waves",
        load=ecg_waves,
        task="sequence-segmentation",
        summary="generated: electrocardiograms, P wave, QRS complex and T wave to find",
        inputs={"sequence": TensorSpec("N", 1, "length")},
        classes=CLASSES,
        splits=SPLITS,
        source="https://doi.org/10.1109/TBME.2003.808805",
        license="CC0-1.0",
    )
    yield DatasetSpec(
        name="ecg-rhythms",
        load=ecg_rhythms,
        task="sequence-classification",
        summary="generated: electrocardiograms of three rhythms",
        inputs={"sequence": TensorSpec("N", 1, "length")},
        classes=RHYTHMS,
        splits=SPLITS,
        source="https://doi.org/10.1109/TBME.2003.808805",
        license="CC0-1.0",
    )
    yield DatasetSpec(
        name="ecg-rates",
        load=ecg_rates,
        task="sequence-regression",
        summary="generated: electrocardiograms, and how many beats a minute they have",
        inputs={"sequence": TensorSpec("N", 1, "length")},
        classes=("beats-a-minute",),
        splits=SPLITS,
        source="https://doi.org/10.1109/TBME.2003.808805",
        license="CC0-1.0",
    )
