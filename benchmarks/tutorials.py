"""Ours beside theirs: every result of the tutorials in `tutorials.toml`, trained again and by the model's own recipe.

Each training is a `zoo train` of its own, as anybody would type it (the commands are printed). What is measured is the
validation part that was held out, or the test split where the data have one; seconds are those of the epochs. Rows
whose data are not on the disk say so. Each training is a line of `tutorials.jsonl`, and one that is there for the very
same command and recipe is not done again; `docs/tutorials.md` is printed from these lines.

    python benchmarks/tutorials.py [ROW...] [--data DIR] [--work DIR] [--seeds N] [--recipe tutorial|own] [--page]

Machines change their speed: to compare seconds, train both recipes at the same time, each with half of the threads
(--together).
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo_core import open_zoo
from zoo_core.data import bind_dataset
from zoo_core.environment import machine_kind, package_versions
from zoo_core.errors import ZooError

HERE = Path(__file__).parent
RESULTS = HERE / "tutorials.jsonl"
PAGE = HERE.parent / "docs" / "tutorials.md"
RECIPES = ("tutorial", "own")
MOST_SEEDS = 10
PLAIN = {
    "schedule": "constant",
    "augment": "none",
    "label_smoothing": 0.0,
    "weight_decay": 0.0,
    "small_first": 0.0,
    "nesterov": False,
}
"""What a tutorial's loop does not do; the model's own recipe is put aside by naming all of it."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Data on the disk: the dataset, its options, and what they are in words."""

    name: str
    dataset: str
    options: Mapping[str, Any]
    split: str
    about: str


Trained = dict[str, Any]
"""A line of the results: what was typed, on which recipe, and what came of it."""


def find_source(names: Sequence[str], known: Mapping[str, Any], *, data: Path, work: Path) -> Source | None:
    """The first of the sources that is on the disk, unpacked; None when none is."""
    for name in names:
        entry, source = known[name], source_of(name, known, work=work)
        if "file" in entry:
            if (data / entry["file"]).exists():
                _unpack(data, entry, _root(work, name))
                return source
        elif _is_there(source):
            return source
    return None


def trained_source(row: Mapping[str, Any], known: Mapping[str, Any], *, work: Path) -> Source | None:
    """The first of the sources that something of this row was trained on, wherever the data are now."""
    trained = {line["data"] for line in read_results() if line["row"] == row["name"]}
    return next((source_of(name, known, work=work) for name in row["data"] if name in trained), None)


def source_of(name: str, known: Mapping[str, Any], *, work: Path) -> Source:
    """A source of the table, unpacked or not."""
    entry = known[name]
    options = {
        key: str(value).replace("ROOT", str(_root(work, name))) for key, value in entry.get("options", {}).items()
    }
    return Source(
        name=name,
        dataset=entry["dataset"],
        options=options,
        split=entry.get("split", "validation"),
        about=entry.get("about", name),
    )


def _root(work: Path, name: str) -> Path:
    return work / "data" / name


def _unpack(data: Path, entry: Mapping[str, Any], root: Path) -> None:
    if root.exists():
        return
    place = root.with_name(f".{root.name}")
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    if entry["file"].endswith(".zip"):
        with zipfile.ZipFile(data / entry["file"]) as archive:
            archive.extractall(place)
    for old, new in entry.get("rename", {}).items():
        with gzip.open(data / old) as packed:
            (place / new.removesuffix(".gz")).write_bytes(packed.read())
    place.rename(root)


def _is_there(source: Source) -> bool:
    try:
        bind_dataset(open_zoo().dataset(source.dataset), source.options).load("train")
    except ZooError:
        return False
    return True


def command_of(row: Mapping[str, Any], source: Source, *, recipe: str, seed: int) -> list[str]:
    """The `zoo train` of one row, but for the name of the run."""
    data = {**source.options, **row.get("recipe_data" if recipe == "tutorial" else "own_data", {})}
    config = {**PLAIN, **row["recipe"]} if recipe == "tutorial" else row.get("own_recipe", {})
    command = ["train", row["model"], "--dataset", source.dataset, "--seed", str(seed)]
    for flag, pairs in (("-o", row.get("options", {})), ("-d", data), ("-t", config)):
        for key, value in pairs.items():
            command += [flag, f"{key}={str(value).lower() if isinstance(value, bool) else value}"]
    return command


def subject_of(row: Mapping[str, Any], source: Source, *, recipe: str, seed: int) -> dict[str, Any]:
    """What a result belongs to: nothing of it names a place on this disk."""
    command = [
        word.replace(source.options.get("root", "ROOT"), "ROOT")
        for word in command_of(row, source, recipe=recipe, seed=seed)
    ]
    of_model = dict(open_zoo().model(row["model"]).spec.recipe) if recipe == "own" else {}
    return {"row": row["name"], "recipe": recipe, "data": source.name, "command": command, "of_model": of_model}


def result_of(row: Mapping[str, Any], source: Source, *, recipe: str, seed: int) -> Trained | None:
    """The newest result of this very training; None where there is none."""
    subject = subject_of(row, source, recipe=recipe, seed=seed)
    same = [line for line in read_results() if all(line[key] == value for key, value in subject.items())]
    return same[-1] if same else None


def read_results() -> list[Trained]:
    """Every training, oldest first."""
    return [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []


def train(
    row: Mapping[str, Any], source: Source, recipes: Sequence[str], *, seed: int, work: Path, threads: int
) -> None:
    """Train by these recipes at the same time, and keep what came of it."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    children = {}
    for recipe in recipes:
        run = _run_of(row, source, recipe, seed)
        shutil.rmtree(work / "runs" / run, ignore_errors=True)
        command = [*command_of(row, source, recipe=recipe, seed=seed), "--run", run]
        print(f"$ zoo {shlex.join(command)}", flush=True)
        children[recipe] = subprocess.Popen(
            [sys.executable, "-m", "zoo_core", *command], cwd=work, env=environment, stdout=sys.stderr
        )
    codes = {recipe: child.wait() for recipe, child in children.items()}
    for recipe, code in codes.items():
        if code:
            raise SystemExit(f"{row['name']}: zoo train ended with exit code {code}")
        _keep(row, source, recipe, seed=seed, work=work, threads=threads)


def train_missing(
    row: Mapping[str, Any], source: Source, recipes: Sequence[str], arguments: argparse.Namespace, *, work: Path
) -> None:
    """Train what has no result yet, for each seed that is asked for."""
    for seed in range(arguments.seeds):
        known = {recipe: result_of(row, source, recipe=recipe, seed=seed) for recipe in recipes}
        missing = [recipe for recipe, result in known.items() if result is None or arguments.again]
        for group in [missing] if arguments.together and missing else [[recipe] for recipe in missing]:
            threads = max(1, arguments.threads // len(group))
            train(row, source, group, seed=seed, work=work, threads=threads)


def _run_of(row: Mapping[str, Any], source: Source, recipe: str, seed: int) -> str:
    return f"{row['name']}-{recipe}-{source.name}-{seed}"


def _keep(row: Mapping[str, Any], source: Source, recipe: str, *, seed: int, work: Path, threads: int) -> None:
    folder = work / "runs" / _run_of(row, source, recipe, seed)
    info = json.loads((folder / "run.json").read_text())
    result = {
        **subject_of(row, source, recipe=recipe, seed=seed),
        "value": info[source.split][row["metric"]],
        "seconds": info["seconds"],
        "epochs": len((folder / "metrics.jsonl").read_text().splitlines()),
        "about": f"{machine_kind()}; {threads} threads; {json.dumps(package_versions(('zoo-core', 'torch')))}",
    }
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(result, sort_keys=True) + "\n")


def told(results: Sequence[Trained]) -> tuple[str, str]:
    """Median and spread of the values, and the median of the seconds, in words."""
    values = sorted(each["value"] for each in results)
    spread = f" ({values[0]:.4f} to {values[-1]:.4f}, n = {len(values)})" if len(values) > 1 else " (n = 1)"
    seconds = statistics.median(each["seconds"] for each in results)
    return f"{statistics.median(values):.4f}{spread}", f"{seconds:.0f} s, {results[0]['epochs']} epochs"


def line_of(row: Mapping[str, Any], source: Source, results: Mapping[str, Sequence[Trained]]) -> tuple[str, ...]:
    """One row of the table; what was not trained is a dash."""
    theirs = f"{row['theirs']:.4f}" if "theirs" in row else "-"
    cells = [row["name"], f"{row['metric']}, {source.split}", theirs]
    for recipe in RECIPES:
        cells += list(told(results[recipe])) if results.get(recipe) else ["-", "-"]
    target = row.get("target")
    if target is None or not results.get("own"):
        return (*cells, "-" if target is None else f"{target} not trained", source.about)
    reached = statistics.median(each["value"] for each in results["own"]) >= target
    return (*cells, f"{target} {'reached' if reached else 'NOT REACHED'}", source.about)


HEAD = (
    *("row", "metric", "theirs", "their training recipe, here", "cost"),
    *("our training recipe", "cost", "target", "data"),
)


def table(lines: Sequence[Sequence[str]]) -> str:
    """The table in Markdown."""
    rows = [HEAD, tuple("---" for _ in HEAD), *lines]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def main() -> None:
    """Train what is asked for, and print ours beside theirs; exit code 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the files in [data.*]")
    parser.add_argument("--work", type=Path, default=Path("tutorials-work"), help="runs and unpacked data")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--recipe", choices=RECIPES, help="only one of both")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--together", action="store_true", help="both recipes at the same time")
    parser.add_argument("--again", action="store_true", help="also what was trained already")
    parser.add_argument("--page", action="store_true", help="train nothing, only print what there is, and the page")
    arguments = parser.parse_args()
    declared = tomllib.loads((HERE / "tutorials.toml").read_text())
    names = [row["name"] for row in declared["row"]]
    if unknown := [name for name in arguments.rows if name not in names]:
        parser.error(f"no row {', '.join(unknown)}; there are: {', '.join(names)}")
    work = arguments.work.resolve()
    if not arguments.page:
        work.mkdir(parents=True, exist_ok=True)
    lines, skipped, machines = [], [], set()
    for row in declared["row"]:
        if arguments.rows and not arguments.page and row["name"] not in arguments.rows:
            continue
        if arguments.page:
            source, why = trained_source(row, declared["data"], work=work), "nothing of it was trained"
        else:
            source = find_source(row["data"], declared["data"], data=arguments.data.resolve(), work=work)
            why = f"skipped, {' and '.join(row['data'])} are not on the disk"
        if source is None:
            skipped.append(f"{row['name']}: {why}")
            continue
        recipes = [
            recipe
            for recipe in ([arguments.recipe] if arguments.recipe and not arguments.page else RECIPES)
            if (recipe == "tutorial" and "recipe" in row) or (recipe == "own" and row.get("own", True))
        ]
        if not arguments.page:
            train_missing(row, source, recipes, arguments, work=work)
        results = {}
        for recipe in recipes:
            found = (result_of(row, source, recipe=recipe, seed=seed) for seed in range(MOST_SEEDS))
            results[recipe] = [each for each in found if each is not None]
            machines.update(each["about"] for each in results[recipe])
        lines.append(line_of(row, source, results))
        print(table(lines[-1:]), flush=True)
    text = "\n".join([table(lines), "", *skipped, "", *sorted(machines)])
    if arguments.page:
        PAGE.write_text(f"# The tutorials' results, and ours\n\nPrinted by `benchmarks/tutorials.py`.\n\n{text}\n")
    raise SystemExit(1 if any("NOT REACHED" in cells[-2] for cells in lines) else 0)


if __name__ == "__main__":
    main()
