"""A file of results, CSV, JSON lines or Parquet, written row by row while they come."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from zoo_core.errors import UsageError
from zoo_core.files import clear_io_errors, written_whole
from zoo_core.locks import take_lock
from zoo_core.paths import is_plain, is_there
from zoo_core.plugin_faults import code_of, wrong_result
from zoo_core.tasks import Task
from zoo_core.tasks.task_results import fault_of_cells

from .made_by import MadeBy, check_made_by, note_made_by
from .parquet_rows import parquet_from, require_pyarrow, rows_from
from .row_forms import CsvLines, JsonLines, RowForm, TableLines, Told

RESULT_SUFFIXES = (".csv", ".jsonl", ".parquet")


class ResultsFile:
    """A file that has each row as soon as it is added; an older one of its name is replaced by the first row.

    Rows of a Parquet file wait in a file of lines beside it, `.NAME.rows`, and become one when the block ends without
    an error. What made the rows is noted beside them, see `MadeBy`.
    """

    def __init__(self, path: Path, *, columns: Sequence[str], made_by: MadeBy) -> None:
        self.path = path
        self._made_by = made_by
        self._file: IO[bytes] | None = None
        suffix = path.suffix.lower()
        self._is_parquet = suffix == ".parquet"
        self._lines = path.with_name(f".{path.name}.rows") if self._is_parquet else path
        self.is_table = suffix != ".jsonl"
        self.form: RowForm = JsonLines() if suffix == ".jsonl" else CsvLines(columns)
        if self._is_parquet:
            require_pyarrow(path)
            self.form = TableLines(columns)

    def __enter__(self) -> ResultsFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is None:
            return
        if kind is not None:
            with contextlib.suppress(OSError):  # it tries once more to write what could not be written
                self._file.close()
            return
        with clear_io_errors("cannot write", self.path):
            self._file.close()
        if self._is_parquet:
            parquet_from(self._lines, self.path)
            self._lines.unlink()

    def add(self, row: Mapping[str, Any]) -> None:
        """One row more. The first one makes the file: until there is one, an older file stays."""
        self._write(self.form.line(row))

    def earlier(self) -> Iterator[tuple[bytes, Told]]:
        """The whole lines that are there, to go on with; a last one that was cut off is none.

        Raises UsageError for a file that another model has made, or the same with other options, and for one that is no
        file of results.
        """
        with clear_io_errors("cannot read", self._lines), open(self._lines, "rb") as file:
            if file.read(len(self.form.header)) != self.form.header:
                raise _no_results(self.path, "its first line is another one")
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    return
                try:
                    told = self.form.told(line)
                except ValueError:
                    raise _no_results(self.path, f"row {number:,} is none that the zoo writes") from None
                yield line, told

    def has_earlier(self) -> bool:
        """Whether there is a file to go on with. Raises as `earlier`."""
        if self._is_parquet and not is_there(self._lines) and is_there(self.path):
            check_made_by(self.path, self._made_by)
            rows_from(self.path, self._lines, self.form)
        if not is_there(self._lines):
            return False
        if not is_plain(self._lines):
            raise UsageError(f"--resume: {self.path} is no plain file, and what was written there cannot be read")
        with clear_io_errors("cannot read", self._lines), open(self._lines, "rb") as file:
            if self.form.header.startswith(file.read(len(self.form.header) + 1)):
                return False  # it was stopped before its first row
        check_made_by(self.path, self._made_by)
        return True

    def count(self) -> int:
        """Whole rows that are there now, as the file itself says; 0 where it cannot be read again."""
        return sum(1 for _ in self.earlier()) if is_plain(self._lines) else 0

    def go_on(self, *, size: int) -> None:
        """Write after the first `size` bytes of what is there; what comes after them is cut off."""
        with clear_io_errors("cannot write", self._lines):
            self._file = open(self._lines, "r+b")  # noqa: SIM115 it is closed at the end of the block
            self._hold(self._file)
            self._file.truncate(size)
            self._file.seek(size)

    @contextlib.contextmanager
    def replaced(self) -> Iterator[IO[bytes]]:
        """A file to write all lines anew into, which takes the place of what is there when the block ends."""
        with written_whole(self._lines) as file:
            file.write(self.form.header)
            yield file
        self.go_on(size=self._lines.stat().st_size)

    def _begin(self) -> IO[bytes]:
        with clear_io_errors("cannot write", self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = self._lines.open("ab")
            self._hold(file)
            if is_plain(self._lines):
                file.truncate(0)
                note_made_by(self.path, self._made_by)
            file.write(self.form.header)
        return file

    def _hold(self, file: IO[bytes]) -> None:
        """Raise UsageError while another process writes there."""
        if take_lock(file.fileno()) == "another's":
            file.close()
            raise UsageError(f"{self.path} is being written by another process", hint="wait for it, or another --out")

    def _write(self, line: bytes) -> None:
        with clear_io_errors("cannot write", self.path):
            self._file = self._file or self._begin()
            self._file.write(line)
            self._file.flush()


def _no_results(path: Path, why: str) -> UsageError:
    return UsageError(
        f"--resume: {path} does not hold results of this model: {why}", hint="leave out --resume to write it anew"
    )


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
