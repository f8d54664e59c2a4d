"""Prints the table in docs/format.md of what loads where: `python docs/make_format.py`.

The numbers are what `python benchmarks/foreign_exports.py` has measured, the limits those that the test asks for.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

from foreign_readers import FILES, LIMITS, READERS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "format.md"
RESULTS = ROOT / "benchmarks" / "foreign_exports.json"
PART = re.compile(r"(<!-- made: what loads where -->\n).*?(<!-- end -->)", re.DOTALL)


def make_page(page: str) -> str:
    """The page with its table as it is measured now."""
    made = "\n".join(_part(json.loads(RESULTS.read_text(encoding="utf-8"))))
    return PART.sub(lambda match: f"{match[1]}{made}\n{match[2]}", page)


def _part(results: dict[str, Any]) -> Iterator[str]:
    notes = list(dict.fromkeys(f"{reader}: {limit.reason}" for (reader, _), limit in LIMITS.items()))
    yield f"| reader | {' | '.join(FILES)} |"
    yield f"| --- |{' --- |' * len(FILES)}"
    for reader, version in results["readers"].items():
        cells = []
        for name, error in results["errors"][reader].items():
            if error is None:
                cells.append(f"[{notes.index(f'{reader}: {LIMITS[reader, name].reason}') + 1}]")
            else:
                cells.append("shapes" if READERS[reader].only_shapes else f"{error:.0e}" if error else "0")
        yield f"| {reader} {version} | {' | '.join(cells)} |"
    yield ""
    yield "Not read, because:"
    yield ""
    yield from (f"{number}. {note}." for number, note in enumerate(notes, start=1))
    yield ""
    yield "The files:"
    yield ""
    yield from (f"- {name}: {about}" for name, about in FILES.items())
    yield ""
    yield "The readers:"
    yield ""
    yield from (f"- {name}: {reader.about}" for name, reader in READERS.items())
    yield ""
    ours = ", ".join(f"{name} {number}" for name, number in results["ours"].items())
    yield f"Measured on {results['date']}, {results['machine']}; {ours}."


if __name__ == "__main__":
    PAGE.write_text(make_page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
