"""Tables that people have: CSV with a line of names, and Parquet; each row by the names of its columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from .errors import MissingExtraError, RefusedFileError, ZooError
from .file_limits import MAX_COLUMNS, MAX_LINE, MAX_TABLE_BYTES, MAX_TABLE_CELLS
from .files import read_plain
from .records import counted

TABLE_SUFFIXES = (".csv", ".parquet")
"""The file names that are read."""

Row: TypeAlias = "Mapping[str, Any]"
"""A row by the names of its columns: texts of a CSV; numbers, truths, texts or None of Parquet."""

_PARQUET = b"PAR1"
_OTHER_SEPARATORS = {";": "';'", "\t": "a tab", "|": "'|'"}
_MOST_FAULTS = 1000
"""Rows that do not fit the names of the columns; with more of them it is the file that is at fault."""

_HINT = "a CSV whose first line has the names of the columns, or a Parquet file"


@dataclass(frozen=True, kw_only=True)
class Table:
    """The rows of a table, in their order."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read_table(source: Path | bytes, *, name: str = "") -> Table:
    """The table in a file, or in its content, which messages call `name`.

    Raises RefusedFileError for a file that is too large, ZooError for a missing or damaged one, for a CSV without a
    line of names or with a row that does not fit it, and MissingExtraError for Parquet without pyarrow.
    """
    name = name or str(source)
    columns, found = read_rows(source, name=name)
    rows: list[Row] = []
    for row in found:
        if isinstance(row, ZooError):
            raise _of_file(row, name)
        rows.append(row)
    return Table(columns=columns, rows=tuple(rows))


def read_rows(source: Path | bytes, *, name: str = "") -> tuple[tuple[str, ...], tuple[Row | ZooError, ...]]:
    """The columns of a table and its rows; one of a CSV with a cell too many or too few is the error that says so.

    Raises as `read_table`, of such rows only where none fits the names of the columns, or over 1,000 do not: then it is
    the file that is at fault.
    """
    name = name or str(source)
    if isinstance(source, Path):
        source = read_plain(source, most=MAX_TABLE_BYTES, too_large=_too_large(name))
    if len(source) > MAX_TABLE_BYTES:
        raise _too_large(name)
    columns, rows = _from_parquet(source, name) if source.startswith(_PARQUET) else _from_csv(source, name)
    if not rows:
        raise ZooError(f"{name} has no rows", hint=_HINT)
    if isinstance(first := rows[0], ZooError) and all(isinstance(row, ZooError) for row in rows):
        raise _of_file(first, name)
    return columns, tuple(rows)


def other_separator(columns: Sequence[str]) -> str:
    """What to do about a line of names that has another separator than the comma; empty where it has not."""
    used = [said for mark, said in _OTHER_SEPARATORS.items() if len(columns) == 1 and mark in columns[0]]
    return f"its first line has no comma but {used[0]}: save it with commas between the cells" if used else ""


def row_names(path: Path, count: int) -> list[str]:
    """What the rows of a table are called, the first one `FILE.csv[0]`: as `zoo predict` calls them."""
    return [f"{path}[{number}]" for number in range(count)]


def _too_large(name: str) -> RefusedFileError:
    return RefusedFileError(f"{name} was refused (too-large): a table has at most {MAX_TABLE_BYTES >> 20} MB")


def _of_file(error: ZooError, name: str) -> ZooError:
    return ZooError(f"{name}: {error.message}", hint=error.hint)


def _from_csv(content: bytes, name: str) -> tuple[tuple[str, ...], list[Row | ZooError]]:
    rows: list[Row | ZooError] = []
    columns: tuple[str, ...] = ()
    cells = ended = faults = 0
    try:
        reader = csv.reader(_lines(content, name))
        for cells_of_row in reader:
            line, ended = ended + 1, reader.line_num
            if not cells_of_row:
                continue
            if not columns:
                columns = _checked_names(tuple(cell.strip() for cell in cells_of_row), name)
                continue
            cells += len(columns)
            if cells > MAX_TABLE_CELLS:
                raise RefusedFileError(f"{name} was refused (too-large): it has over {MAX_TABLE_CELLS:,} cells")
            if len(cells_of_row) == len(columns):
                rows.append(dict(zip(columns, cells_of_row, strict=True)))
                continue
            rows.append(fault := _unfit(cells_of_row, columns, line))
            faults += 1
            if faults > _MOST_FAULTS:
                raise _of_file(fault, name)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ZooError(f"{name} is no table that can be read: {error}", hint=_HINT) from None
    return columns, rows


def _unfit(cells: Sequence[str], columns: Sequence[str], line: int) -> ZooError:
    there = f"there {'is' if len(columns) == 1 else 'are'} {counted(len(columns), 'column')}"
    return ZooError(
        f"line {line} has {counted(len(cells), 'cell')}, and {there}",
        hint=other_separator(columns) or "a cell with a comma is in quotes",
    )


def _lines(content: bytes, name: str) -> Iterator[str]:
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="")
    while line := text.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            raise ZooError(f"{name}: a line of the table has more than {MAX_LINE:,} characters", hint=_HINT)
        yield line


def _checked_names(columns: tuple[str, ...], name: str) -> tuple[str, ...]:
    if len(columns) > MAX_COLUMNS:
        raise RefusedFileError(f"{name} was refused (too-large): it has over {MAX_COLUMNS:,} columns")
    if len(set(columns)) < len(columns):
        twice = next(column for place, column in enumerate(columns) if column in columns[:place])
        raise ZooError(f"{name}: the column {twice!r} is there twice", hint="each column has a name of its own")
    if all(_is_number(column) for column in columns):
        raise ZooError(f"{name}: its first line has numbers, and no names of columns", hint=_HINT)
    return columns


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _from_parquet(content: bytes, name: str) -> tuple[tuple[str, ...], list[Row | ZooError]]:
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError:
        raise MissingExtraError(needed_for=f"reading {name}", extra="parquet", missing="pyarrow") from None
    try:
        file = parquet.ParquetFile(pyarrow.BufferReader(content))
        columns = _checked_names(tuple(file.schema_arrow.names), name)
        if file.metadata.num_rows * len(columns) > MAX_TABLE_CELLS or _unpacked(file.metadata) > 8 * MAX_TABLE_BYTES:
            raise RefusedFileError(f"{name} was refused (too-large): it has over {MAX_TABLE_CELLS:,} cells")
        kinds = [(field.name, field.type) for field in file.schema_arrow]
        plain = pyarrow.types
        for column, kind in kinds:
            if not any(is_so(kind) for is_so in (plain.is_integer, plain.is_floating, plain.is_boolean, _is_text)):
                raise ZooError(
                    f"{name}: the column {column!r} holds {kind}, which is not read",
                    hint="columns of numbers, truths or texts",
                )
        return columns, file.read().to_pylist()
    except ZooError:
        raise
    except Exception as error:  # noqa: BLE001 a damaged file raises many kinds of errors
        text = str(error).partition("\n")[0][:200]
        raise ZooError(f"{name} is no Parquet file that can be read: {text}", hint=_HINT) from None


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(types.is_string(kind) or types.is_large_string(kind))


def _unpacked(metadata: Any) -> int:
    return sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
