"""Rows of results as a Parquet file, a group of rows at a time, and such a file as rows again."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo_core.errors import MissingExtraError, ZooError
from zoo_core.files import clear_io_errors, written_whole

from .row_forms import RowForm

ROWS = 10_000
"""Rows of a group, which are in memory together."""


def require_pyarrow(path: Path) -> None:
    """Raise MissingExtraError where pyarrow is not installed."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise MissingExtraError(needed_for=f"writing {path}", extra="parquet", missing="pyarrow") from None


def parquet_from(lines: Path, path: Path) -> None:
    """Write the rows of a file of JSON lines as a Parquet file, whole or not at all.

    A column has the type of all its values: whole numbers, numbers, truths, texts, or lists of whole numbers; one of
    texts and numbers has texts.
    """
    import pyarrow
    import pyarrow.parquet as parquet

    kinds: dict[str, set[type]] = {}
    for row in _rows_in(lines):
        for name, value in row.items():
            kinds.setdefault(name, set()).add(type(value))
    schema = pyarrow.schema([(name, _type_of(found)) for name, found in kinds.items()])
    mixed = [name for name, found in kinds.items() if len(found - {type(None), str}) and str in found]
    with written_whole(path) as file, parquet.ParquetWriter(file, schema) as writer:
        rows = (row | {name: _text(row[name]) for name in mixed} for row in _rows_in(lines))
        while group := list(itertools.islice(rows, ROWS)):
            writer.write_table(pyarrow.Table.from_pylist(group, schema=schema))


def rows_from(path: Path, lines: Path, form: RowForm) -> None:
    """Write the rows of a Parquet file as lines. Raises ZooError for a damaged one."""
    import pyarrow
    import pyarrow.parquet as parquet

    with clear_io_errors("cannot read", path), written_whole(lines) as file:
        try:
            for batch in parquet.ParquetFile(path).iter_batches(ROWS):
                file.writelines(form.line(row) for row in batch.to_pylist())
        except pyarrow.ArrowException as error:
            text = str(error).partition("\n")[0][:200]
            raise ZooError(f"{path} is no Parquet file that can be read: {text}", hint="leave out --resume") from None


def _rows_in(lines: Path) -> Iterator[dict[str, Any]]:
    with clear_io_errors("cannot read", lines), lines.open("rb") as file:
        for line in file:
            yield json.loads(line)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _type_of(found: set[type]) -> Any:
    import pyarrow

    kinds = found - {type(None)}
    if kinds == {bool}:
        return pyarrow.bool_()
    if kinds == {int}:
        return pyarrow.int64()
    if kinds and kinds <= {int, float}:
        return pyarrow.float64()
    if kinds == {list}:
        return pyarrow.list_(pyarrow.int64())
    return pyarrow.string()
