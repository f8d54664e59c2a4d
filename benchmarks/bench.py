"""How fast engines answer: `zoo bench` of some exports, several times, with PyTorch beside them.

An export that is trained here is measured with its run in PyTorch; of others, whose weights are fresh, the model is
measured beside the export. Each round begins all engines anew; within one they answer in short turns. Exit code 1 where
an answer is wrong: it has no numbers.

    python benchmarks/bench.py [--rounds N] [--seconds S] [--batch N]... [--folder DIR] [WORD ...]

A WORD chooses the models whose name holds it. `--folder` keeps runs and exports for the next time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from made_exports import trained, zoo

from zoo_plugins.bench.engines import COMPILED, ENGINES

Row = dict[str, Any]
Key = tuple[int, str]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A model by its name, or as MODEL:DATASET:EPOCHS; sizes of its free axes, and batches.

    `compiled`: whether `torch.compile` is done with it within minutes.
    """

    text: str
    sizes: tuple[str, ...] = ()
    batches: tuple[int, ...] = (1, 8)
    compiled: bool = True

    @property
    def name(self) -> str:
        return self.text.replace(":", "-").rpartition("-")[0] if ":" in self.text else self.text.rpartition("/")[2]


PICTURE = ("H=224", "W=224")
MODELS = (
    Measured(text="lenet5:digits:4"),
    Measured(text="tinydet:digit-scenes:2"),
    Measured(text="torchvision/resnet18", sizes=PICTURE),
    Measured(text="torchvision/mobilenet_v3_small", sizes=PICTURE),
    Measured(text="torchvision/fasterrcnn_mobilenet_v3_large_320_fpn", batches=(1,), compiled=False),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*", metavar="WORD")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each engine at each batch, in each round")
    parser.add_argument("--batch", type=int, action="append", default=[])
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    chosen = [each for each in MODELS if not asked.words or any(word in each.text for word in asked.words)]
    load = os.getloadavg()[0]
    good, told = True, {}
    with tempfile.TemporaryDirectory() as made:
        folder = asked.folder or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        for each in chosen:
            path = export_of(each, folder)
            rounds = []
            for _ in range(asked.rounds):
                told = bench(each, path, folder, batches=asked.batch or each.batches, seconds=asked.seconds)
                rounds.append(told["rows"])
            good &= show(each, rounds)
    versions = ", ".join(f"{name} {version}" for name, version in told["versions"].items())
    turns = f"n = {asked.rounds} rounds of {told['turns']} turns"
    print(f"\n{turns}; {told['machine']}, load average {load:.1f} at the beginning; {versions}")
    return 0 if good else 1


def export_of(measured: Measured, folder: Path) -> Path:
    """The export, made where it is not there yet."""
    path = folder / "exported" / measured.name
    if path.exists():
        return path
    if ":" in measured.text:
        return trained(measured.text, folder)
    zoo(folder, "export", measured.text, "--to", str(path))
    return path


def bench(measured: Measured, path: Path, folder: Path, *, batches: Sequence[int], seconds: float) -> dict[str, Any]:
    """What `zoo bench` tells; of the models whose weights are fresh, PyTorch's rows too."""
    beside = [] if ":" in measured.text else [f"model:{measured.text}"]
    words = [f"--batch={size}" for size in batches] + [f"--size={size}" for size in measured.sizes]
    words += [f"--engine={engine}" for engine in ENGINES if engine != COMPILED] if not measured.compiled else []
    found: dict[str, Any] = json.loads(
        zoo(folder, "bench", str(path), *beside, *words, "--seconds", str(seconds), "--json")
    )
    return found


def show(measured: Measured, rounds: Sequence[Sequence[Row]]) -> bool:
    """A table of medians over the rounds; False where an engine gave a wrong answer, or none."""
    by_key: dict[Key, list[Row]] = defaultdict(list)
    for row in (row for rows in rounds for row in rows):
        by_key[row["batch"], row["engine"]].append(row)
    sizes = f", {', '.join(measured.sizes)}" if measured.sizes else ""
    print(f"\n{measured.name}{sizes}\n")
    print("| batch | engine | rows a second (spread) | p50 | p99 | first | load | memory | answers |")
    print("| ---: | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |")
    good = True
    for (batch, engine), rows in by_key.items():
        wrong = [row for row in rows if row["rows_per_s"] is None]
        if wrong:
            good = False
            print(f"| {batch} | {engine} | {wrong[0]['error'] or 'a wrong answer'} | | | | | | |")
            continue
        rates = [row["rows_per_s"] for row in rows]
        p50, p99, first, load = (
            duration(statistics.median(row[key] for row in rows)) for key in ("p50_s", "p99_s", "first_s", "load_s")
        )
        memory = f"{max(row['peak_bytes'] for row in rows) / 1e6:.0f} MB"
        spread = f"{number(statistics.median(rates))} ({number(min(rates))} to {number(max(rates))})"
        print(f"| {batch} | {engine} | {spread} | {p50} | {p99} | {first} | {load} | {memory} | {answers(rows)} |")
    return good


def answers(rows: Sequence[Row]) -> str:
    """How far they are from the reference at most, as a part of what is allowed."""
    parts = [row["answers"]["largest"] / row["answers"]["allowed"] for row in rows if row["answers"]["allowed"]]
    largest = max(parts, default=0.0)
    return f"{largest:.2f} of bound" if largest else "equal"


def number(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"


def duration(seconds: float) -> str:
    for limit, unit, times in ((1e-3, "µs", 1e6), (1.0, "ms", 1e3)):
        if seconds < limit:
            return f"{seconds * times:.3g} {unit}"
    return f"{seconds:.3g} s"


if __name__ == "__main__":
    sys.exit(main())
