"""Rows of a table as numbers: what is learnt of the columns of the training part, and how cells are read by it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from zoo_core import ZooError
from zoo_core.recipes import MAX_TABLE_BYTES, InputRecipe, read_rows

MISSING, UNKNOWN, FIRST = 0, 1, 2
"""Numbers of categories: a missing one, one that training has not seen, and the first of those that it has."""

_ROUNDING = 1e-6
"""Of a number that was kept as a float32, as a share of what it was made smaller by."""

_MISSING = frozenset({"", "na", "n/a", "nan", "null", "none"})


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Columns that are named to be numbers or categories."""

    numbers: tuple[str, ...]
    categories: tuple[str, ...]


class TableRecipe(InputRecipe):
    """One input of a row. It learns which columns there are, and what is in them."""

    takes_rows = True
    has_several = True
    learns = True
    most_bytes = MAX_TABLE_BYTES

    def __init__(self, *, gives: Literal["numbers", "categories"], chosen: Chosen, least: int, most: int) -> None:
        if both := set(chosen.numbers) & set(chosen.categories):
            raise ZooError(f"recipe table: the column {min(both)!r} is among the numbers and among the categories")
        if least < 1 or most < 1:
            raise ZooError(f"recipe table: least and most are 1 or more, not {least} and {most}")
        self._gives, self._chosen, self._least, self._most = gives, chosen, least, most
        self._columns: tuple[str, ...] = ()
        self._means: NDArray[np.float64] = np.zeros(0)
        self._deviations: NDArray[np.float64] = np.ones(0)
        self._numbers: tuple[dict[str, int], ...] = ()

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(columns,)."""
        return (max(1, len(self._columns)) if self.is_ready else None,)

    @property
    def values(self) -> tuple[float, float] | None:
        """Of categories: from that of a missing one to the last one of the column that has most."""
        if self._gives == "numbers":
            return None
        return 0, FIRST + max((len(numbers) for numbers in self._numbers), default=0)

    @property
    def needed_columns(self) -> tuple[str, ...]:
        """Those that it has learnt."""
        return self._columns

    def unknown_in(self, sample: Any) -> Sequence[str]:
        """The columns with a category that has no number of its own."""
        texts = [
            (column, sample[column], numbers) for column, numbers in zip(self._columns, self._numbers, strict=False)
        ]
        return [column for column, text, numbers in texts if text and _code(text, numbers) == UNKNOWN]

    def samples_in(self, content: bytes, *, name: str) -> Sequence[Any]:
        """The rows of the table; one that does not fit its columns is an error."""
        return read_rows(content, name=name)[1]

    def read(self, source: Any, *, name: str) -> Mapping[str, Any]:
        """The row; once it is learnt which columns there are, those alone, each as it is to be read."""
        if not isinstance(source, Mapping):
            raise ZooError(f"{name} is no row of a table", hint="{column: value, ...}, or a CSV or Parquet file")
        if not self.recipe.learnt:
            return source
        if absent := [column for column in self._columns if column not in source]:
            raise ZooError(
                f"{name} has no column {absent[0]!r}, which the model was trained with",
                hint=f"the columns are {', '.join(self._columns)}; an empty cell is a missing value",
            )
        if self._gives == "numbers":
            missing = "a number, or an empty cell for one that is missing"
            return {column: _number(source[column], column, name, hint=missing) for column in self._columns}
        return {column: _text(source[column]) for column in self._columns}

    def stack(self, samples: Sequence[Any]) -> NDArray[Any]:
        """float32 or int64 (N, columns)."""
        if not self._columns:
            return np.zeros((len(samples), 1), np.float32 if self._gives == "numbers" else np.int64)
        rows = [[sample[column] for column in self._columns] for sample in samples]
        if self._gives == "categories":
            coded = [[_code(text, numbers) for text, numbers in zip(row, self._numbers, strict=True)] for row in rows]
            return np.array(coded, np.int64).reshape(len(rows), -1)
        raw = np.array(rows, np.float64).reshape(len(rows), -1)
        scaled = (raw - self._means) / self._deviations
        return np.where(np.isnan(raw), 0, scaled).astype(np.float32)

    def in_words(self, stored: NDArray[Any]) -> str:
        """`column value`, a line for each column."""
        if self._gives == "numbers":
            cells = self._cells(stored) if self._columns else []
        else:
            known = [["missing", "another", *numbers] for numbers in self._numbers]
            cells = [texts[int(code)] for texts, code in zip(known, stored, strict=False)]
        return "\n".join(f"{column} {cell}" for column, cell in zip(self._columns, cells, strict=True))

    def _cells(self, stored: NDArray[Any]) -> list[str]:
        """The numbers as they were in the table; a zero has the rounding of its mean and deviation, and is a zero."""
        numbers = stored * self._deviations + self._means
        rounding = _ROUNDING * (np.abs(self._deviations) + np.abs(self._means))
        return [f"{number:.4g}" for number in np.where(np.abs(numbers) <= rounding, 0.0, numbers)]

    def examples(self, count: int, *, random: np.random.Generator) -> Sequence[Any]:
        """Rows with the columns and the categories that it has learnt; here and there one that is missing or new."""
        return [self._made(random) for _ in range(count)] if self.is_ready else super().examples(count, random=random)

    def learn(self, samples: Iterable[Any]) -> dict[str, Any]:
        """`{columns, mean, std}` of numbers, `{columns, values}` of categories."""
        rows = list(samples)
        if not rows:
            raise ZooError("a table without training rows has nothing to learn from")
        named = {*self._chosen.numbers, *self._chosen.categories}
        if absent := named - rows[0].keys():
            raise ZooError(f"the table has no column {min(absent)!r}", hint=f"its columns are {', '.join(rows[0])}")
        columns = [column for column in rows[0] if self._is_mine(column, rows)]
        if self._gives == "categories":
            counts = [Counter(filter(None, (_text(row[column]) for row in rows))) for column in columns]
            return {"columns": columns, "values": [self._kept(count) for count in counts]}
        table = np.array([[_learnt(row[column], column) for column in columns] for row in rows])
        table = table.reshape(len(rows), -1)
        known = np.maximum(1, (~np.isnan(table)).sum(axis=0))
        means = np.nansum(table, axis=0) / known
        deviations = np.sqrt(np.nansum((table - means) ** 2, axis=0) / known)
        return {"columns": columns, "mean": means.tolist(), "std": np.where(deviations > 0, deviations, 1).tolist()}

    def use(self, learnt: Mapping[str, Any]) -> None:
        """Take columns and what was learnt of each."""
        columns = _texts(learnt.get("columns"))
        self._columns = tuple(columns)
        if self._gives == "categories":
            values = learnt.get("values")
            if not isinstance(values, list) or len(values) != len(columns):
                raise _damaged()
            self._numbers = tuple({text: FIRST + place for place, text in enumerate(_texts(each))} for each in values)
            return
        self._means, self._deviations = (_floats(learnt.get(key), len(columns)) for key in ("mean", "std"))
        if not (self._deviations > 0).all():
            raise _damaged()

    def _made(self, random: np.random.Generator) -> dict[str, str]:
        if self._gives == "numbers":
            cells = [f"{cell:.9g}" for cell in random.normal(self._means, self._deviations)]
        else:
            known = [[*numbers, *self._columns[:1]] for numbers in self._numbers]  # the name of a column is a new one
            cells = [texts[int(random.integers(0, len(texts)))] for texts in known]
        missing = random.random(len(cells)) < 1 / 6
        return {column: "" if gone else cell for column, cell, gone in zip(self._columns, cells, missing, strict=True)}

    def _is_mine(self, column: str, rows: Sequence[Mapping[str, Any]]) -> bool:
        if column in self._chosen.numbers or column in self._chosen.categories:
            return column in (self._chosen.numbers if self._gives == "numbers" else self._chosen.categories)
        cells = [cell for cell in (row[column] for row in rows) if not _is_missing(cell)]
        numbers = bool(cells) and all(_is_number(cell) for cell in cells)
        return numbers == (self._gives == "numbers")

    def _kept(self, counts: Counter[str]) -> list[str]:
        frequent = sorted(counts.items(), key=lambda each: (-each[1], each[0]))[: self._most]
        return sorted(text for text, count in frequent if count >= self._least)


def _is_missing(cell: Any) -> bool:
    if isinstance(cell, str):
        return cell.strip().lower() in _MISSING
    return cell is None or (isinstance(cell, float) and math.isnan(cell))


def _is_number(cell: Any) -> bool:
    if isinstance(cell, bool):
        return False
    try:
        return math.isfinite(float(cell)) and "_" not in str(cell)
    except (TypeError, ValueError, OverflowError):
        return False


def _learnt(cell: Any, column: str) -> float:
    hint = f"a number, or an empty cell; -d categories={column} takes the column as texts"
    return _number(cell, column, "the training part", hint=hint)


def _number(cell: Any, column: str, name: str, *, hint: str) -> float:
    """A number as it is; NaN for a missing one."""
    if _is_missing(cell):
        return math.nan
    if not _is_number(cell):
        raise ZooError(f"{name}: the column {column!r} has {str(cell)[:40]!r}, which is no number", hint=hint)
    return float(cell)


def _text(cell: Any) -> str:
    """A category as text, the same from a CSV and from Parquet; empty for a missing one."""
    if _is_missing(cell):
        return ""
    whole = isinstance(cell, float) and cell.is_integer()
    return str(int(cell)) if whole else str(cell).strip()


def _code(text: str, numbers: Mapping[str, int]) -> int:
    return numbers.get(text, UNKNOWN) if text else MISSING


def _texts(values: Any) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise _damaged()
    if len(set(values)) < len(values):
        raise _damaged()
    return values


def _floats(values: Any, count: int) -> NDArray[np.float64]:
    fits = isinstance(values, list) and len(values) == count
    if not fits or not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        raise _damaged()
    return np.array(values, np.float64)


def _damaged() -> ZooError:
    return ZooError("recipe table: what it has learnt of its columns is damaged", hint="train or export again")
