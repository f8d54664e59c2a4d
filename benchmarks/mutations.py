"""The mutation score: how many planted faults the check sees, and how many the rules of other projects see.

For each model: its file is written as `zoo export` writes it, faults of every kind are planted in copies, and each copy
is judged by all rules of the zoo's check and by the rules in `peers.py`. A mutant is equivalent, and not counted, only
when every output is bit-equal on all inputs and its weights are equal. Faults in the
metadata (preprocessing, labels) are left out where others are compared, since their files hold none.

    OMP_NUM_THREADS=1 python benchmarks/mutations.py [--only NAME] [--rows FILE] [--out docs/mutations.md]

`--rows` keeps what was measured, model by model, and a later run goes on from there as long as the check is the same.
Exit code 1 when the zoo's check rejects a healthy file, or lets a mutant pass that is not equivalent.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import onnx
from mutation_models import Subject, makers
from peers import PEERS, complaints

from zoo_core.environment import machine_kind, package_versions
from zoo_core.records import CheckResult
from zoo_core.verification.mutants import (
    Healthy,
    Judged,
    Mutant,
    MutationScore,
    judge_each,
    make_mutants,
    stale_weights,
)

DESCRIPTION = (
    *("mean and std", "colour order", "labels rotated", "end of an axis lost"),
    *("field of a recipe", "vocabulary off by one", "another vocabulary", "what a recipe has learnt"),
)
"""Kinds of faults that are in the metadata."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One model: the zoo's score, who rejects the healthy file, and which mutants each peer complains of."""

    name: str
    score: MutationScore
    rejected_by: frozenset[str]
    complaints: dict[str, frozenset[str]]
    seconds: float

    def counted(self) -> list[Judged]:
        """Mutants that are not equivalent, and whose fault is in the graph or the weights."""
        return [m for m in self.score.mutants if m.verdict != "equivalent" and m.kind not in DESCRIPTION]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        mutants = [{**m.to_json(), "complaints": sorted(self.complaints[m.name])} for m in self.score.mutants]
        return {
            "name": self.name,
            "mutants": mutants,
            "rejected_by": sorted(self.rejected_by),
            "seconds": self.seconds,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Row:
        """The inverse of `to_json`."""
        complaints = {mutant["name"]: frozenset(mutant.pop("complaints")) for mutant in data["mutants"]}
        mutants = tuple(Judged(**{**mutant, "rules": tuple(mutant["rules"])}) for mutant in data["mutants"])
        return cls(
            name=data["name"],
            score=MutationScore(mutants=mutants),
            rejected_by=frozenset(data["rejected_by"]),
            complaints=complaints,
            seconds=data["seconds"],
        )


def check_key() -> str:
    """Changes whenever the check or the faults do."""
    digest = hashlib.sha256()
    package = Path(__file__).parents[1] / "zoo_core"
    for path in sorted([*package.glob("export/**/*.py"), *package.glob("verification/**/*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def kept_rows(file: Path | None) -> dict[str, Row]:
    """Rows of an earlier run with the same check, by model."""
    if file is None or not file.exists():
        return {}
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return {line["row"]["name"]: Row.from_json(line["row"]) for line in lines if line["key"] == check_key()}


def judge(name: str, subject: Subject, folder: Path) -> Row:
    """All mutants of one model under all rules."""
    start = time.perf_counter()
    content, questions = subject.content, subject.questions()
    path = folder / "healthy.onnx"
    path.write_bytes(content)

    def check(mutant: Mutant) -> Sequence[CheckResult]:
        return subject.prepared.judge(onnx.load_model_from_string(mutant.model_bytes), folder).checks

    def mutants() -> Iterator[Mutant]:
        yield from make_mutants(content, most=subject.most)
        if subject.earlier is not None:
            yield from stale_weights(content, subject.earlier)

    found, told = [], {}
    for mutant in mutants():
        judged = next(judge_each([mutant], check=check, compare=Healthy(path).compare))
        found.append(judged)
        told[mutant.name] = frozenset(complaints(mutant.model_bytes, questions))
        if judged.verdict != "killed":
            print(f"  {judged.verdict}: {mutant.name}", file=sys.stderr, flush=True)
    verdict = subject.prepared.judge(onnx.load_model_from_string(content), folder)
    rejected = complaints(content, questions) | ({"zoo"} if verdict.outcome != "verified" else set())
    return Row(
        name=name,
        score=MutationScore(mutants=tuple(found)),
        rejected_by=frozenset(rejected),
        complaints=told,
        seconds=time.perf_counter() - start,
    )


def page(rows: Sequence[Row]) -> str:
    """docs/mutations.md."""
    total = sum(len(row.score.mutants) for row in rows)
    versions = package_versions(("zoo-core", "torch", "torchvision", "onnx", "onnxscript", "onnxruntime", "numpy"))
    facts = ", ".join(f"{name} {version}" for name, version in versions.items())
    parts = [
        "# Mutation score of the check",
        f"Printed by `benchmarks/mutations.py`: n = {len(rows)} models, {total} mutants, one run. {machine_kind()}; "
        f"{facts}.",
        "Faults are planted in the written file. Equivalent mutants (every output bit-equal on all inputs, and equal "
        "weights) are not counted. Models without training have healthy parameters. Of each kind of fault at most four "
        "are planted, spread over the graph; two in a model in stages, where one takes ten seconds to judge.",
        "## The zoo's check",
        _ours(rows),
        "## Which rule sees them",
        "A mutant may fail several rules; `alone`: no other rule sees it.",
        _rules(rows),
        "## Beside the rules of others",
        "The same mutants, faults in the metadata left out, judged by each project's comparison as "
        "`benchmarks/peers.py` tells it again, as if it were on (timm's, MONAI's and PyTorch's are off by default) and "
        "as if a warning stopped the export (optimum's and PyTorch's do not).",
        _peers(rows),
        "## By kind of fault",
        _kinds(rows),
        "## What was not killed",
        _others(rows),
    ]
    return "\n\n".join(parts) + "\n"


def _table(header: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in (header, rule, *lines))


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({100 * part / whole:.0f} %)" if whole else "0 of 0"


def _ours(rows: Sequence[Row]) -> str:
    lines = []
    for row in rows:
        count = Counter(mutant.verdict for mutant in row.score.mutants)
        counted = len(row.score.mutants) - count["equivalent"]
        healthy = "rejected" if "zoo" in row.rejected_by else "verified"
        made, equal, killed = len(row.score.mutants), count["equivalent"], _share(count["killed"], counted)
        lines.append([row.name, made, equal, killed, count["survived"], healthy, f"{row.seconds:.0f}"])
    header = ["model", "made", "equivalent", "killed", "survived", "healthy file", "seconds"]
    return _table(header, lines)


def _rules(rows: Sequence[Row]) -> str:
    joined = MutationScore(mutants=tuple(mutant for row in rows for mutant in row.score.mutants))
    return _table(["rule", "sees", "alone"], [[rule, *counts] for rule, counts in joined.by_rule.items()])


def _peers(rows: Sequence[Row]) -> str:
    lines = []
    for row in rows:
        counted = row.counted()
        killed = sum(mutant.verdict == "killed" for mutant in counted)
        seen = [sum(peer in row.complaints[mutant.name] for mutant in counted) for peer in PEERS]
        stars = [f"{count}{'*' * (peer in row.rejected_by)}" for peer, count in zip(PEERS, seen, strict=True)]
        lines.append([row.name, len(counted), killed, *stars])
    every = [(row, mutant) for row in rows for mutant in row.counted()]
    shares = [_share(sum(peer in row.complaints[m.name] for row, m in every), len(every)) for peer in PEERS]
    lines.append(["all", len(every), _share(sum(m.verdict == "killed" for _, m in every), len(every)), *shares])
    rejects = [sum(name in row.rejected_by for row in rows) for name in ("zoo", *PEERS)]
    lines.append(["healthy files rejected", len(rows), *rejects])
    return _table(["model", "mutants", "zoo", *PEERS], lines) + "\n\n`*`: it complains of the healthy file as well."


def _kinds(rows: Sequence[Row]) -> str:
    every = [(row, mutant) for row in rows for mutant in row.score.mutants if mutant.verdict != "equivalent"]
    lines = []
    for kind in dict.fromkeys(mutant.kind for _, mutant in every):
        some = [(row, mutant) for row, mutant in every if mutant.kind == kind]
        seen = [sum(peer in row.complaints[m.name] for row, m in some) for peer in PEERS]
        shown = ["-"] * len(PEERS) if kind in DESCRIPTION else seen
        lines.append([kind, len(some), sum(m.verdict == "killed" for _, m in some), *shown])
    return _table(["fault", "mutants", "zoo", *PEERS], lines)


def _others(rows: Sequence[Row]) -> str:
    lines = [
        f"- {mutant.verdict}: {row.name}: {mutant.name}"
        for row in rows
        for mutant in row.score.mutants
        if mutant.verdict != "killed"
    ]
    return "\n".join(lines) or "Nothing: every mutant was killed."


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="NAME", help="models whose name has this in it")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the page there too")
    parser.add_argument("--rows", type=Path, metavar="FILE", help="keep finished models there, and do not repeat them")
    arguments = parser.parse_args()
    kept = kept_rows(arguments.rows)
    rows = []
    with tempfile.TemporaryDirectory(prefix="zoo-mutations-") as folder:
        for name, make in makers(Path(folder)).items():
            if arguments.only not in name:
                continue
            if name not in kept:
                kept[name] = judge(name, make(), Path(folder))
                if arguments.rows:
                    with arguments.rows.open("a", encoding="utf-8") as file:
                        file.write(json.dumps({"key": check_key(), "row": kept[name].to_json()}) + "\n")
            rows.append(kept[name])
            print(f"{name}: {rows[-1].seconds:.0f} s", file=sys.stderr, flush=True)
    text = page(rows)
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")
    survived = [mutant for row in rows for mutant in row.score.with_verdict("survived")]
    return 1 if survived or any("zoo" in row.rejected_by for row in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())
