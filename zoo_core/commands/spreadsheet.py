"""Tables as CSV that a spreadsheet opens as what they are: a name of a file or a class is never a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

_BEGINS_A_FORMULA = ("=", "+", "-", "@")


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The lines of a CSV file (RFC 4180, but with plain newlines).

    Text that begins with `=`, `+`, `-`, `@` or a control character gets an apostrophe before it: a spreadsheet would
    run it. Numbers stay numbers, and None is an empty cell.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(_cell, header))
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    if not isinstance(value, str) or not value:
        return value
    text = value.encode(errors="replace").decode()  # half a character of a file's name cannot be written
    dangerous = text.startswith(_BEGINS_A_FORMULA) or not text[0].isprintable()
    return f"'{text}" if dangerous else text
