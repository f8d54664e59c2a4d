"""Train every task of docs/tasks.md beside its baseline, and write the table there.

    python benchmarks/tasks.py [NAME ...]     train these, or all; rows go to benchmarks/tasks.jsonl
    python benchmarks/tasks.py --page         only write the table from the rows that there are

NAME is a module of benchmarks/task_rows/.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROWS = HERE / "tasks.jsonl"
PAGE = HERE.parent / "docs" / "tasks.md"
BEGIN, END = "<!-- made: python benchmarks/tasks.py -->", "<!-- end -->"
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="modules of benchmarks/task_rows/; default: all")
    parser.add_argument("--page", action="store_true", help="only write the page from the rows that there are")
    arguments = parser.parse_args()
    sys.path.insert(0, str(HERE))
    known = sorted(module.name for module in pkgutil.iter_modules([str(HERE / "task_rows")]))
    if unknown := [name for name in arguments.names if name not in known]:
        parser.error(f"no module {unknown[0]}; there are {', '.join(known)}")
    for name in [] if arguments.page else arguments.names or known:
        for row in importlib.import_module(f"task_rows.{name}").rows():
            keep(row)
            print(line(row), flush=True)
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), read_rows()), encoding="utf-8")


def read_rows() -> list[Row]:
    """Every row that is kept."""
    return [json.loads(text) for text in ROWS.read_text(encoding="utf-8").splitlines()] if ROWS.exists() else []


def keep(row: Row) -> None:
    """Write the row in place of an older one of the same task, model, dataset and metric."""
    key = ("task", "model", "dataset", "metric")
    rows = [old for old in read_rows() if any(old[name] != row[name] for name in key)]
    rows.append(row)
    rows.sort(key=lambda each: [each[name] for name in key])
    ROWS.write_text("".join(json.dumps(each, sort_keys=True) + "\n" for each in rows), encoding="utf-8")


def line(row: Row) -> str:
    """A row of the table."""
    spread = f" ({min(row['scores']):.4g} to {max(row['scores']):.4g})" if len(row["scores"]) > 1 else ""
    cells = (
        f"`{row['task']}`",
        f"`{row['model']}`",
        f"`{row['dataset']}`",
        f"{row['metric']} {row['mean']:.4g}{spread}",
        f"{row['baseline']['score']:.4g} {row['baseline']['name']}",
        f"{row['seconds']:.0f}",
        f"{row['parameters']:,}",
        row["outcome"],
        f"{row['floors']:.1f}",
    )
    return f"| {' | '.join(cells)} |"


def with_table(page: str, rows: list[Row]) -> str:
    """The page with the table between its marks."""
    head = [
        "| task | model | dataset | test part, mean of the seeds (least to most) | baseline | seconds | parameters | "
        "export | floors |",
        "| --- | --- | --- | --- | --- | ---: | ---: | --- | ---: |",
    ]
    machines = sorted({row["machine"] for row in rows})
    versions = sorted({", ".join(f"{name} {text}" for name, text in row["versions"].items()) for row in rows})
    told = [
        f"n: {', '.join(sorted({str(len(row['scores'])) for row in rows}))} seeds. {'; '.join(machines + versions)}."
    ]
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    return "\n".join([before + BEGIN, "", *head, *map(line, rows), "", *told, "", END]) + after


if __name__ == "__main__":
    main()
