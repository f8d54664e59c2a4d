"""How a row of results is written on a line of its own, and how such a line is read again."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from zoo_core.foreign_text import csv_cell, told_apart


@dataclass(frozen=True)
class Told:
    """What a line says: of which input it is, in the form of the file, and whether that has an error."""

    name: str
    is_error: bool


class RowForm(Protocol):
    """The form of a file of results. A line ends with a line break, and holds no other one."""

    @property
    def header(self) -> bytes:
        """What the file begins with."""

    def line(self, row: Mapping[str, Any]) -> bytes:
        """A row."""

    def told(self, line: bytes) -> Told:
        """What a line says that `line` has made. Raises ValueError for any other."""

    def name(self, text: str) -> str:
        """The name of an input as such a line has it."""


class JsonLines:
    """Rows as they are, but for bytes of names that are no UTF-8: these are as in a CSV, since half a character is no
    valid JSON."""

    header = b""

    def line(self, row: Mapping[str, Any]) -> bytes:
        """One object."""
        return (json.dumps(_whole(row), ensure_ascii=False, allow_nan=False) + "\n").encode()

    def told(self, line: bytes) -> Told:
        """Its `input`, and whether it has an `error`."""
        row = json.loads(line)
        if not isinstance(row, dict) or not isinstance(row.get("input"), str):
            raise ValueError("a row is an object with an input")
        return Told(row["input"], row.get("error") is not None)

    def name(self, text: str) -> str:
        """Without halves of characters."""
        return told_apart(text, only_halves=True)


class CsvLines:
    """Rows by the columns of a table, its input first and its error last; texts are as `csv_cell` writes them."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self.header = _csv_line(columns)

    def line(self, row: Mapping[str, Any]) -> bytes:
        """A cell for each column, empty where the row has nothing for it."""
        return _csv_line([_as_text(cell_of(name, row)) for name in self._columns])

    def told(self, line: bytes) -> Told:
        """The first cell, and whether the last has a text."""
        try:
            (cells,) = csv.reader([line.decode()], strict=True)
        except csv.Error as error:
            raise ValueError(str(error)) from None
        if len(cells) != len(self._columns):
            raise ValueError(f"a row has {len(self._columns)} cells")
        return Told(cells[0], bool(cells[-1]))

    def name(self, text: str) -> str:
        """As in a cell."""
        return csv_cell(text)


class TableLines(JsonLines):
    """Rows by the columns of a table, as JSON: what waits to become a Parquet file."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns

    def line(self, row: Mapping[str, Any]) -> bytes:
        """A value for each column, null where the row has nothing for it."""
        return super().line({name: cell_of(name, row) for name in self._columns})


def cell_of(column: str, row: Mapping[str, Any]) -> Any:
    """The value of a row in a column, None for none; `label_2` is the second of its probabilities."""
    name, _, place = column.rpartition("_")
    if column in row or not place.isdecimal():
        return row.get(column)
    ranked = list(row.get("probabilities", {}).items())
    if int(place) > len(ranked):
        return None
    label, probability = ranked[int(place) - 1]
    return label if name == "label" else probability


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return " x ".join(map(str, value))
    return csv_cell(value) if isinstance(value, str) else repr(value)


def _whole(value: Any) -> Any:
    """The same without halves of characters, as which names of files hold bytes that are no UTF-8."""
    if isinstance(value, str):
        return told_apart(value, only_halves=True)
    if isinstance(value, Mapping):
        return {_whole(key): _whole(each) for key, each in value.items()}
    return [_whole(each) for each in value] if isinstance(value, list | tuple) else value


def _csv_line(cells: Sequence[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue().encode()
