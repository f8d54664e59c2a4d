"""Which samples take part: some of the classes, a number of samples, a part set aside. The same on every machine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import UsageError, ZooError, did_you_mean
from zoo_core.records import counted


def keep_classes(
    targets: NDArray[np.int64], names: tuple[str, ...], wanted: Sequence[str], *, where: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The samples of the wanted classes: their positions, and their targets counted in the order of `wanted`.

    Raises ZooError when a wanted class has no sample.
    """
    numbers = np.full(len(names), -1, np.int64)
    numbers[[names.index(name) for name in wanted]] = np.arange(len(wanted))
    relabelled = numbers[targets]
    index = np.flatnonzero(relabelled >= 0)
    counts = np.bincount(relabelled[index], minlength=len(wanted))
    if not counts.all():
        empty = ", ".join(name for name, count in zip(wanted, counts, strict=True) if not count)
        raise ZooError(f"{where} has no sample of class {empty}")
    return index, relabelled[index]


def check_classes(wanted: Sequence[str], names: Sequence[str], *, where: str) -> None:
    """Raise UsageError for a name that is no class of the dataset, a name given twice, or fewer than two names."""
    for name in wanted:
        if name not in names:
            raise UsageError(f"{where} has no class {name!r}", hint=did_you_mean(name, names))
    if len(set(wanted)) != len(wanted):
        raise UsageError(f"{where}: a class is given twice in classes={','.join(wanted)}", hint="name each class once")
    if len(wanted) < 2:
        raise UsageError(f"{where}: one class leaves nothing to tell apart", hint="name two or more in classes=")


def set_aside(targets: NDArray[np.int64], count: int, *, stratified: bool = True, purpose: str) -> NDArray[np.int64]:
    """Positions of `count` samples, ascending, the same for every seed and machine.

    `stratified`: each class gives its share. `purpose` is a text that makes one choice independent of another.
    """
    keys = _keys(len(targets), purpose)
    if not stratified:
        return np.sort(np.argsort(keys, kind="stable")[:count]).astype(np.int64)
    shares = _shares(np.bincount(targets), count)
    chosen = [np.empty(0, np.int64)]
    for number, share in enumerate(shares):
        members = np.flatnonzero(targets == number)
        chosen.append(members[np.argsort(keys[members], kind="stable")[:share]])
    return np.sort(np.concatenate(chosen))


def _keys(count: int, purpose: str) -> NDArray[np.uint64]:
    # Raw integers of a bit generator: numpy freezes that stream, but neither its shuffles nor its seeding by text.
    key = int.from_bytes(purpose.encode()[:16].ljust(16, b"\0"), "little")
    keys: NDArray[np.uint64] = np.random.Philox(key=key).random_raw(count)
    return keys


def _shares(sizes: NDArray[np.int64], count: int) -> list[int]:
    """How many of `count` each class gives: in proportion, largest remainders first, and one if possible."""
    total = int(sizes.sum())
    exact = [count * int(size) for size in sizes]
    shares = [value // total for value in exact]
    by_remainder = sorted(range(len(sizes)), key=lambda number: (-(exact[number] % total), number))
    for number in by_remainder[: count - sum(shares)]:
        shares[number] += 1
    present = [number for number in range(len(sizes)) if sizes[number]]
    if count >= len(present):
        for number in present:
            if not shares[number]:
                richest = max(present, key=lambda other: (shares[other], -other))
                shares[richest] -= 1
                shares[number] = 1
    return shares


def divide(
    targets: NDArray[np.int64], *, val_size: int | None, stratified: bool, where: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of the train part and of the validation part: `val_size` samples, or a tenth with each class in it."""
    total, classes = len(targets), len(np.unique(targets))
    count = val_size if val_size is not None else max(round(total / 10), classes if total >= 2 * classes else 1)
    return part_off(targets, count, stratified=stratified, purpose="validation", option="val_size", where=where)


def fold(
    targets: NDArray[np.int64], text: str, *, stratified: bool, where: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of the train part and of the validation part, which is a fold: of "2/5" the second of five.

    The folds have no sample in common, and together all of them; their sizes, and with `stratified` those of each class
    in them, differ by one at most. Raises ZooError for more folds than samples.
    """
    number, count = read_fold(text, where=where)
    if count > len(targets):
        raise ZooError(f"{where}: {count} folds of {counted(len(targets), 'sample')}", hint="fewer folds, or more data")
    # By a key of each sample, class by class: dealt out like cards, one after the other.
    order = np.lexsort((_keys(len(targets), "folds"), targets if stratified else np.zeros_like(targets)))
    inside = np.zeros(len(targets), np.bool_)
    inside[order[number - 1 :: count]] = True
    return np.flatnonzero(~inside), np.flatnonzero(inside)


def read_fold(text: str, *, where: str) -> tuple[int, int]:
    """The numbers in "2/5". Raises UsageError for what is no such fold."""
    first, slash, last = text.partition("/")
    if not (slash and first.isascii() and first.isdigit() and last.isascii() and last.isdigit()):
        raise UsageError(f"{where}: val_fold cannot be {text!r}", hint="val_fold=2/5 is the second of five folds")
    number, count = int(first), int(last)
    if count < 2 or not 1 <= number <= count:
        raise UsageError(f"{where}: there is no fold {text}", hint="two folds or more, counted from 1: val_fold=2/5")
    return number, count


def part_off(
    targets: NDArray[np.int64], count: int, *, stratified: bool, purpose: str, option: str, where: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of what is left, and of `count` samples for a purpose. Raises ZooError where that is none."""
    total = len(targets)
    if count >= total:
        leave = "leaves" if count == 1 else "leave"
        raise ZooError(
            f"{where}: {counted(count, 'sample')} for {purpose} {leave} none of {total} for training",
            hint=f"a smaller -d {option}=N, or more data",
        )
    chosen = set_aside(targets, count, stratified=stratified, purpose=purpose)
    return np.setdiff1d(np.arange(total), chosen, assume_unique=True), chosen


def subset(targets: NDArray[np.int64], size: int, *, stratified: bool, where: str, option: str) -> NDArray[np.int64]:
    """Positions of `size` samples. Raises ZooError when there are fewer."""
    check_enough(len(targets), size, where=where, option=option)
    return set_aside(targets, size, stratified=stratified, purpose=option)


def check_enough(samples: int, size: int, *, where: str, option: str) -> None:
    """Raise ZooError when there are fewer samples than the option asks for."""
    if size > samples:
        there = f"there {'is' if samples == 1 else 'are'} only {counted(samples, 'sample')}"
        more = ", which zoo train --overfit sets, too" if option == "train_size" else ""
        raise ZooError(f"{where}: {option}={size}, but {there}", hint=f"a smaller {option}{more}")
