"""Tables as CSV that a spreadsheet opens as what they are: a name of a file or a class is never a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from zoo_core.foreign_text import csv_cell


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The lines of a CSV file (RFC 4180, but with plain newlines).

    Texts are as `csv_cell` writes them, numbers stay numbers, and None is an empty cell.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(_cell, header))
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    return csv_cell(value) if isinstance(value, str) else value
