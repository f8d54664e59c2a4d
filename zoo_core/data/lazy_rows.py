"""Samples that are not in memory: rows that are read when they are asked for, and look like an array until then."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[np.int64]
"""The numbers of some rows, in the order in which they are wanted."""

SMALL_BYTES = 64 << 20
"""Chosen rows that take no more than this are read at once: pictures that are drawn, a batch that is tried."""

_STEP_BYTES = 8 << 20
_AT_ONCE = 256


class RowSource:
    """Rows of samples, each of the same `form`: one field of a structured dtype for each array that a sample has."""

    form: np.dtype[Any]

    def __len__(self) -> int:
        raise NotImplementedError

    def in_turn(self, wanted: Iterable[Numbers]) -> Iterator[NDArray[Any]]:
        """The rows of each batch of numbers, in that order, read ahead of who takes them; structured, (n,)."""
        raise NotImplementedError

    def read(self, numbers: Numbers) -> NDArray[Any]:
        """The rows of these numbers; structured, (n,)."""
        step = max(1, _STEP_BYTES // self.form.itemsize)
        found = np.empty(len(numbers), self.form)
        parts = [numbers[start : start + step] for start in range(0, len(numbers), step)]
        start = 0
        for rows in self.in_turn(parts):
            found[start : start + len(rows)] = rows
            start += len(rows)
        return found


class LazyRows:
    """One array of all samples of a source, (N, ...): it has the shape and dtype of an array, is indexed like one, and
    reads what it is asked for."""

    def __init__(self, source: RowSource, name: str, numbers: Numbers | None = None) -> None:
        self.source = source
        self.name = name
        self.numbers = np.arange(len(source)) if numbers is None else numbers
        field = source.form[name]
        self.dtype = field.base
        self.shape: tuple[int, ...] = (len(self.numbers), *field.shape)

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def ndim(self) -> int:
        """As of an array."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """As of an array."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """What they would take in memory."""
        return self.size * self.dtype.itemsize

    def __getitem__(self, index: Any) -> Any:
        first, rest = (index[0], index[1:]) if isinstance(index, tuple) else (index, ())
        if isinstance(first, int | np.integer):
            found = self._read(self.numbers[[int(first)]])[0]
            return found[rest] if rest else found
        found = self._read(self.numbers[first])
        return found[(slice(None), *rest)] if rest else found

    def __iter__(self) -> Iterator[Any]:
        for start in range(0, len(self), _AT_ONCE):
            yield from self[start : start + _AT_ONCE]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        found = self._read(self.numbers)
        return found if dtype is None else found.astype(dtype, copy=False)

    def taken(self, index: slice | Numbers) -> NDArray[Any] | LazyRows:
        """The rows at `index`: read where they are few, else still to be read."""
        chosen = LazyRows(self.source, self.name, self.numbers[index])
        return np.asarray(chosen) if chosen.nbytes <= SMALL_BYTES else chosen

    def _read(self, numbers: Numbers) -> NDArray[Any]:
        return np.ascontiguousarray(self.source.read(numbers)[self.name])


def chosen_rows(values: Any, index: slice | Numbers) -> Any:
    """Some rows of an array, or of rows that are still to be read."""
    return values.taken(index) if isinstance(values, LazyRows) else values[index]


def rows_in_turn(
    arrays: Mapping[str, LazyRows], wanted: Iterable[Numbers]
) -> Generator[dict[str, NDArray[Any]], None, None]:
    """The rows of each batch of places, by the names of these arrays, read ahead; each sample is read once for all."""
    if not arrays:
        yield from ({} for _ in wanted)
        return
    first = next(iter(arrays.values()))
    if any(each.source is not first.source or each.numbers is not first.numbers for each in arrays.values()):
        batches: Sequence[Numbers] = list(wanted)
        streams = {name: rows_in_turn({name: each}, batches) for name, each in arrays.items()}
        for _ in batches:
            yield {name: next(stream)[name] for name, stream in streams.items()}
        return
    for rows in first.source.in_turn(first.numbers[places] for places in wanted):
        yield {name: np.ascontiguousarray(rows[each.name]) for name, each in arrays.items()}
