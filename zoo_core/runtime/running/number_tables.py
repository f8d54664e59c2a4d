"""Tables of numbers in CSV and .npy files, read in memory that is in proportion to the file."""

from __future__ import annotations

import array
import csv
import io
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.file_limits import MAX_AXES, MAX_LINE


def table_of_csv(content: bytes) -> NDArray[np.float64]:
    """The numbers of a CSV, shape (rows, columns); a first line of names is left out.

    Raises ValueError that says in words what is wrong.
    """
    numbers, columns, count = array.array("d"), 0, 0
    lines = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig")
    first = True
    # Line by line and into numbers at once: as a list of texts, a table takes 60 times the memory of its file.
    while line := lines.readline(MAX_LINE + 1):
        cells = _cells(line)
        names = first and bool(cells) and _number(cells[0]) is None
        first = first and not cells
        if names or not cells:
            continue
        count += 1
        columns = columns or len(cells)
        if len(cells) != columns:
            raise ValueError(f"row {count} has {len(cells)} columns, those before it {columns}")
        for cell in cells:
            number = _number(cell)
            if number is None:
                raise ValueError(f"row {count} holds {cell[:40]!r}, which is not a number")
            numbers.append(number)
    if not count:
        raise ValueError("there are no numbers in it")
    return np.frombuffer(numbers, np.float64).reshape(count, columns)


def _cells(line: str) -> list[str]:
    if len(line) > MAX_LINE:
        raise ValueError(f"a line has more than {MAX_LINE:,} characters")
    text = line.rstrip("\r\n")
    if '"' not in text:
        return text.split(",") if text else []
    try:
        return next(csv.reader([text]), [])
    except csv.Error as error:
        raise ValueError(str(error)) from None


def _number(cell: str) -> float | None:
    if "_" in cell:
        return None
    try:
        return float(cell)
    except ValueError:
        return None


def array_of_npy(content: bytes) -> NDArray[Any]:
    """The array in a .npy file, of numbers or bool. Raises ValueError that says in words what is wrong."""
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
    except Exception as error:  # noqa: BLE001 it is Python's own parser that numpy gives a header to
        raise ValueError(f"its header is damaged: {_first_line(error)}") from None
    if dtype.kind not in "fiub":
        raise ValueError(f"it holds {dtype}, not numbers"[:200])
    sizes = [max(1, size) for size in shape]  # where one is 0, the others overflow whoever multiplies them
    if len(shape) > MAX_AXES or min(shape, default=0) < 0 or math.prod(sizes) >= 1 << 48:
        raise ValueError(f"its header gives it the shape {shape}"[:200])
    data = memoryview(content)[file.tell() :]
    needed = math.prod(shape) * dtype.itemsize
    if len(data) != needed:
        raise ValueError(f"its shape {shape} of {dtype} needs {needed:,} bytes, but it has {len(data):,}"[:300])
    if not needed:
        return np.zeros(shape, dtype)
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200] or type(error).__name__
