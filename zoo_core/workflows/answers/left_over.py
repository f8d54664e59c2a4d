"""What is left to do where a file of results goes on: which inputs, from which sample on, and which of them again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zoo_core.errors import UsageError

from .input_files import Found
from .row_forms import Told

Names = Callable[[str], str]
"""The name of an input as the file has it."""


@dataclass(frozen=True, kw_only=True)
class LeftOver:
    """`places`: of the inputs to go through; so many of their first samples are `done` already. `kept`: samples whose
    rows stay. `size`: bytes of the file that are looked at.

    `again`: for each row with an error, the place of its input, which is tried once more; None where that is none of
    those that are given now.
    """

    places: Sequence[int]
    done: int
    kept: int
    size: int
    again: Sequence[int | None] = field(default=())


@dataclass(frozen=True)
class _Sample:
    """The lines of one sample: one, or one for each output. `end`: bytes of the file up to their end."""

    name: str
    is_error: bool
    end: int


def what_is_left(
    earlier: Iterable[tuple[bytes, Told]],
    found: Sequence[Found],
    *,
    names: Names,
    header: int,
    lines_each: int,
    one_each: bool,
    path: Path,
) -> LeftOver:
    """What is to be done of `found`, after the lines that are there. `lines_each`: of a sample without an error.

    Where every input is one sample (`one_each`), those that have a row without an error are done, whatever others there
    are. Where a file may hold several, the rows have to be those with which the inputs begin, and all from the first
    error on is done again. Raises UsageError where they are not.
    """
    samples = _samples(earlier, lines_each, begin=header)
    if not one_each:
        return _beginning(samples, found, names=names, header=header, path=path)
    there = list(samples)
    in_order = zip(there, found, strict=False)
    if len(there) > len(found) or any(sample.name != names(each.shown) for sample, each in in_order):
        return _by_name(there, found, names=names, header=header)
    again = [place for place, sample in enumerate(there) if sample.is_error]
    kept, size = len(there) - len(again), there[-1].end if there else header
    return LeftOver(places=range(len(found)), done=len(there), again=again, kept=kept, size=size)


def _by_name(there: Sequence[_Sample], found: Sequence[Found], *, names: Names, header: int) -> LeftOver:
    """Where there are other rows than those with which the inputs begin: each has an answer, or has none."""
    good = Counter(sample.name for sample in there if not sample.is_error)
    open_places: dict[str, list[int]] = {}
    for place, each in enumerate(found):
        name = names(each.shown)
        if good[name]:
            good[name] -= 1
        else:
            open_places.setdefault(name, []).append(place)
    again_or_not = [
        open_places[sample.name].pop(0) if open_places.get(sample.name) else None for sample in there if sample.is_error
    ]
    places = sorted(place for several in open_places.values() for place in several)
    kept = len(there) - sum(place is not None for place in again_or_not)
    return LeftOver(places=places, done=0, again=again_or_not, kept=kept, size=there[-1].end if there else header)


def _samples(earlier: Iterable[tuple[bytes, Told]], lines_each: int, *, begin: int) -> Iterator[_Sample]:
    """Every sample of which all lines are there."""
    end, lines = begin, 0
    for line, told in earlier:
        end += len(line)
        lines += 1
        if told.is_error or lines == lines_each:
            yield _Sample(told.name, told.is_error, end)
            lines = 0


def _beginning(
    samples: Iterable[_Sample], found: Sequence[Found], *, names: Names, header: int, path: Path
) -> LeftOver:
    place, kept, end = 0, 0, header
    for sample in samples:
        if sample.is_error:
            break
        while place < len(found) and not _is_of(sample.name, names(found[place].shown)):
            place += 1
        if place == len(found):
            raise UsageError(
                f"--resume: {path} has a row of {sample.name}, which is none of these inputs in this order",
                hint="give the same inputs, or leave out --resume to write it anew",
            )
        kept, end = kept + 1, sample.end
    return LeftOver(places=range(len(found)), done=kept, kept=kept, size=end)


def _is_of(name: str, shown: str) -> bool:
    """Whether a row is of that input, or of one of the samples in it."""
    return name == shown or (name.startswith(shown) and re.fullmatch(r"\[\d+\]", name[len(shown) :]) is not None)
