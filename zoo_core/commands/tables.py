"""Plain aligned columns, without rich: a list of 2,500 models must not take a second."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

from zoo_core.foreign_text import terminal_line

_NARROW = 72
_LEAST_TEXT = 24
"""Columns that the free text keeps at the cost of the first column, whose longest names then stand out of it."""


def terminal_width() -> int | None:
    """Columns of the terminal, or of `COLUMNS`; None when the output goes to a file or another program."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal():
        return shutil.get_terminal_size().columns
    return None


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, width: int | None) -> list[str]:
    """Lines of a table; the last column is free text. A narrow terminal gets it on a line of its own, wrapped.

    A name, the first column, is never cut: it is what one has to type.
    """
    if width is not None and width < _NARROW:
        return _narrow(rows, width)
    cells = [[terminal_line(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header) - 1)]
    if width is not None and widths:
        others = sum(widths[1:]) + 2 * len(widths)
        widths[0] = min(widths[0], max(width - others - _LEAST_TEXT, len(header[0])))
    lines = []
    for row in cells:
        start = "  ".join(cell.ljust(size) for cell, size in zip(row, widths, strict=False))
        lines.append(_cut(f"{start}  {row[-1]}".rstrip(), width, least=len(row[0])))
    return lines


class GrowingTable:
    """A table whose rows are printed one by one; the last column is free text. `widths`: of all columns but that."""

    def __init__(self, header: Sequence[str], *, widths: Sequence[int]) -> None:
        self._widths = [max(len(name), width) for name, width in zip(header, widths, strict=False)]
        self.header = self.line(header)

    def line(self, row: Sequence[str]) -> str:
        """One row. What is longer than its column moves the rest to the right."""
        cells = [terminal_line(cell) for cell in row]
        return "  ".join([*map(str.ljust, cells[:-1], self._widths), cells[-1]]).rstrip()


def wrapped(text: str, *, width: int | None) -> list[str]:
    """A plugin's text on as many lines as it needs, all but the first indented; one line when no terminal reads it."""
    line = terminal_line(text)
    if width is None:
        return [line]
    import textwrap

    return textwrap.wrap(line, max(width, 20), subsequent_indent="  ", break_on_hyphens=False)


def _narrow(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    import textwrap

    lines = []
    for row in rows:
        first, *middle, last = map(terminal_line, row)
        lines.append(first)
        if details := ", ".join(filter(None, middle)):
            lines += textwrap.wrap(details, max(width - 2, 10), initial_indent="  ", subsequent_indent="  ")
        lines += textwrap.wrap(last, max(width - 2, 10), initial_indent="  ", subsequent_indent="  ")
    return lines


def _cut(line: str, width: int | None, *, least: int) -> str:
    if width is None or len(line) <= max(width, least):
        return line
    return line[: max(width - 1, least)].rstrip() + "…"
