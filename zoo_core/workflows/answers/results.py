"""A file of results, CSV or JSON lines, written row by row while they come."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from zoo_core.files import clear_io_errors
from zoo_core.foreign_text import csv_cell, told_apart
from zoo_core.plugin_faults import code_of, wrong_result
from zoo_core.tasks import Task
from zoo_core.tasks.task_results import fault_of_cells

RESULT_SUFFIXES = (".csv", ".jsonl")


class ResultsFile:
    """A file that has each row as soon as it is added; an older one of its name is replaced by the first row.

    A CSV has the columns `columns`, and texts in it are as `csv_cell` writes them. JSON lines have the rows as they
    are, but for bytes of names that are no UTF-8: these are as in a CSV, since half a character is no valid JSON.
    """

    def __init__(self, path: Path, *, columns: Sequence[str]) -> None:
        self.path = path
        self._columns = columns
        self._file: IO[bytes] | None = None

    def __enter__(self) -> ResultsFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, row: Mapping[str, Any]) -> None:
        """One row more. The first one makes the file: until there is one, an older file stays."""
        if self._file is None:
            self._begin()
        if self.is_table:
            self._write(_csv_line([_cell(name, row) for name in self._columns]))
        else:
            self._write(json.dumps(_whole(row), ensure_ascii=False, allow_nan=False) + "\n")

    def _begin(self) -> None:
        with clear_io_errors("cannot write", self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("wb")
        if self.is_table:
            self._write(_csv_line(self._columns))

    @property
    def is_table(self) -> bool:
        """Whether rows are written by columns; else as they are."""
        return self.path.suffix.lower() == ".csv"

    def _write(self, line: str) -> None:
        if self._file is None:
            raise ValueError("the file is not open")
        with clear_io_errors("cannot write", self.path):
            self._file.write(line.encode("utf-8"))
            self._file.flush()


def columns_of(*, gives: str, top: int | None) -> tuple[str, ...]:
    """The columns of a table of results, by what the answers are."""
    if gives != "labels":
        return ("input", "file", "shape", "picture", "error")
    more = [f"{name}_{place}" for place in range(2, (top or 1) + 1) for name in ("label", "probability")]
    return ("input", "label", "probability", *more, "error")


def cells_of(answer: Mapping[str, Any], columns: Sequence[str], *, task: Task, plugin: str) -> Mapping[str, Any]:
    """An answer by the columns of its task. Raises ZooError where a table would lose something of it."""
    cells = task.cells(answer)
    if fault := fault_of_cells(cells, columns, answer=answer):
        where = f"task {task.name} of plugin {plugin}, in cells" if plugin else f"task {task.name}, in cells"
        raise wrong_result(where, fault, plugin=plugin, code=code_of(task.cells))
    return cells


def _cell(column: str, row: Mapping[str, Any]) -> str:
    name, _, place = column.rpartition("_")
    if place.isdecimal():
        ranked = list(row.get("probabilities", {}).items())
        if int(place) > len(ranked):
            return ""
        label, probability = ranked[int(place) - 1]
        return csv_cell(label) if name == "label" else repr(probability)
    value = row.get(column)
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


def _csv_line(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()
