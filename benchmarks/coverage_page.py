"""docs/coverage.md, printed from the newest row of each model."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from coverage_models import check_of

ROOT = Path(__file__).parents[1]
ROWS = ROOT / "benchmarks" / "coverage.jsonl"
PAGE = ROOT / "docs" / "coverage.md"

Row = dict[str, Any]


def read_rows() -> list[Row]:
    """Every row that was ever written, oldest first."""
    if not ROWS.exists():
        return []
    return [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines() if line.strip()]


def write_page(catalogue: Sequence[str]) -> None:
    """Print docs/coverage.md from the newest row of each model of the catalogue."""
    newest = {row["model"]: row for row in read_rows()}
    rows = [newest[name] for name in catalogue if name in newest]
    if not rows:
        print("no rows: no page")
        return
    stale = [row["model"] for row in rows if row["check"] != check_of(row["model"])]
    missing = [name for name in catalogue if name not in newest]
    PAGE.write_text("\n".join(_page(rows, total=len(catalogue), stale=stale, missing=missing)) + "\n", encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len(rows)} models, {len(stale)} of an older check, {len(missing)} missing")


def _page(rows: Sequence[Row], *, total: int, stale: Sequence[str], missing: Sequence[str]) -> Iterable[str]:
    counts = Counter(row["outcome"] for row in rows)
    hours = sum(row["seconds"] for row in rows) / 3600
    yield "# Coverage: every model of the families, exported and checked"
    yield ""
    yield "Printed by `python benchmarks/coverage.py`; not written by hand. Each model with fresh weights, by"
    yield "`zoo export`, in a process of its own, at a small legal size of its inputs."
    yield ""
    others = [f"{count} {outcome}" for outcome, count in counts.most_common() if outcome != "verified"]
    yield f"**{counts['verified']} of {total} verified**{'; ' if others else ''}{', '.join(others)}."
    yield ""
    yield f"{hours:.1f} hours of one processor; at most {max(row['peak_bytes'] for row in rows) / 1e9:.1f} GB."
    for machine, found in sorted({(row["machine"], json.dumps(row["versions"])) for row in rows}):
        yield f"{machine}; {', '.join(f'{name} {number}' for name, number in json.loads(found).items())}."
    if stale:
        yield ""
        yield f"`*`: {len(stale)} of them were measured with an earlier state of the check, or of the libraries."
    if missing:
        yield ""
        yield f"Not measured yet: {', '.join(missing)}."
    yield ""
    yield "Error: the largest error of any output, in multiples of the distance between PyTorch's float32 and float64."
    yield "GB: the most resident memory of its processes together; what a copied process shares counts in each of them."
    yield ""
    yield "| model | outcome | error | free axes | inputs | seconds | GB | remarks |"
    yield "| --- | --- | ---: | --- | --- | ---: | ---: | --- |"
    notes = _Notes()
    for row in rows:
        yield _line(row, notes, mark="*" if row["model"] in stale else "")
    yield from notes.section("Not verified", [row for row in rows if row["outcome"] != "verified"])
    yield from _fixed(rows)


def _line(row: Row, notes: _Notes, *, mark: str) -> str:
    floors = [value for value in row.get("floors", {}).values() if value is not None]
    axes: Mapping[str, Sequence[int | str]] = row.get("axes", {})
    free = list(dict.fromkeys(axis for shape in axes.values() for axis in shape if isinstance(axis, str)))
    shapes = dict.fromkeys(" × ".join(map(str, shape)) for name, shape in axes.items() if name in _inputs(row))
    cells = (
        row["model"],
        row["outcome"] + mark,
        f"{max(floors):.1f}" if floors else "",
        " ".join(free),
        "; ".join(shapes) or ", ".join(f"{name} {value}" for name, value in row["options"].items()),
        f"{row['seconds']:.0f}",
        f"{row['peak_bytes'] / 1e9:.1f}",
        notes.of(row),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _inputs(row: Row) -> list[str]:
    """Names of the inputs: axes are listed inputs first, and outputs are those that have an error."""
    return [name for name in row.get("axes", {}) if name not in row.get("floors", {})]


class _Notes:
    """Remarks on how a file was made, numbered in the order in which they come up."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}

    def of(self, row: Row) -> str:
        texts = [*row.get("how", ()), *(["compared with float32 only"] if row.get("reference") == "relative" else [])]
        return " ".join(f"[{self.known.setdefault(text, len(self.known) + 1)}]" for text in texts)

    def section(self, title: str, rows: Sequence[Row]) -> Iterable[str]:
        if self.known:
            yield ""
            yield "Remarks:"
            yield ""
            yield from (f"{number}. {text}" for text, number in self.known.items())
        if rows:
            yield ""
            yield f"## {title}"
            yield ""
            yield from (f"- `{row['model']}`, {row['outcome']}: {row.get('reason', 'no reason given')}" for row in rows)


def _fixed(rows: Sequence[Row]) -> Iterable[str]:
    """Why axes are fixed, each reason once, with the models that give it."""
    reasons: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        for axis, reason in row.get("fixed_axes", {}).items():
            reasons[reason][row["model"].partition("/")[2]].append(axis)
    if not reasons:
        return
    yield ""
    yield "## Fixed axes, and why"
    yield ""
    for reason, models in reasons.items():
        axes = sorted({axis for found in models.values() for axis in found})
        yield f"- {', '.join(axes)}: {reason} ({len(models)} models: {', '.join(models)})."
