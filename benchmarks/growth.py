"""What hostile files of 1, 2 and 4 times a size cost their readers: seconds of the processor, and memory.

Prints a table with a line for each reader and file: the size of the smallest one, seconds and memory for each size,
and how both grow from the smallest to the largest. Exit code 1 when one of them grows by more than the limit, which is
where growth is no longer linear (4 times the size is 4 times the work; 16 times would be its square).

    python benchmarks/growth.py [--scale N] [--limit RATIO] [--best-of N] [WORD ...]

A WORD chooses the cases whose name holds it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))
import dataclasses

from growth_cases import CASES, TIMES, Cost, cost_of

LEAST_SECONDS = 0.005
LEAST_MEMORY = 1 << 20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*")
    parser.add_argument("--scale", type=int, default=1, help="how much larger than in the test the files are")
    parser.add_argument("--limit", type=float, default=10.0)
    parser.add_argument("--best-of", type=int, default=3)
    arguments = parser.parse_args()
    chosen = [name for name in CASES if not arguments.words or any(word in name for word in arguments.words)]
    print("| file | bytes | seconds at 1, 2, 4 | grows | MB at 1, 2, 4 | grows | what is said |")
    print("| --- | ---: | --- | ---: | --- | ---: | --- |")
    steepest = 0.0
    for name in chosen:
        case = dataclasses.replace(CASES[name], size=CASES[name].size * arguments.scale)
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            os.environ["ZOO_STATE"] = os.path.join(folder, "state")
            costs = [cost_of(case, times, Path(folder), best_of=arguments.best_of) for times in TIMES]
            os.chdir("/")
        seconds, memory = growths(costs)
        steepest = max(steepest, seconds, memory)
        said = " ".join(costs[-1].refused.replace(f"{folder}/", "").split())[:100]
        print(_line(name, costs, seconds, memory, said), flush=True)
    print(f"\nsteepest: {steepest:.1f}, allowed: {arguments.limit}")
    return 1 if steepest > arguments.limit else 0


def growths(costs: list[Cost]) -> tuple[float, float]:
    """How time and memory grow from the first to the last; what is next to nothing counts as little, not as zero."""
    first, last = costs[0], costs[-1]
    return (
        last.seconds / max(first.seconds, LEAST_SECONDS),
        last.memory / max(first.memory, LEAST_MEMORY),
    )


def _line(name: str, costs: list[Cost], seconds: float, memory: float, said: str) -> str:
    times = " ".join(f"{cost.seconds:.3f}" for cost in costs)
    sizes = " ".join(f"{cost.memory / 1e6:.1f}" for cost in costs)
    return f"| {name} | {costs[0].bytes:,} | {times} | {seconds:.1f} | {sizes} | {memory:.1f} | {said} |"


if __name__ == "__main__":
    sys.exit(main())
