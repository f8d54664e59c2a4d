"""How long `zoo` takes to start, against the bare libraries that it stands on.

Prints the medians of `zoo --help`, `zoo plugins` and `zoo list` with a warm cache, and their ratios to a Python that
only imports click and pluggy and asks for the entry points. The commands take turns, so that a slow moment of the
machine hits all of them. Exit code 1 when a ratio is above the limit.

    python benchmarks/startup.py [--runs N] [--limit RATIO]
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

BASELINE = "import click, pluggy, importlib.metadata as m; m.entry_points(group='zoo.plugins')"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--limit", type=float, default=2.5)
    arguments = parser.parse_args()
    program = str(Path(sys.executable).with_name("zoo"))
    commands = {
        "baseline": [sys.executable, "-c", BASELINE],
        "zoo --help": [program, "--help"],
        "zoo plugins": [program, "plugins"],
        "zoo list": [program, "list"],
    }
    for command in commands.values():  # fills the cache, and the disk's
        _seconds(command)
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(arguments.runs):
        for name, command in commands.items():
            taken[name].append(_seconds(command))

    packages = ", ".join(f"{name} {version(name)}" for name in ("zoo-core", "click", "pluggy"))
    print(f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, {packages}")
    print(f"n = {arguments.runs}, interleaved, warm cache\n")
    base = statistics.median(taken["baseline"])
    worst = 0.0
    for name, seconds in taken.items():
        median = statistics.median(seconds)
        worst = max(worst, median / base)
        print(
            f"{name:<12} median {median * 1000:6.0f} ms   spread {min(seconds) * 1000:5.0f} to "
            f"{max(seconds) * 1000:5.0f} ms   ratio {median / base:.2f}"
        )
    print(f"\nlargest ratio {worst:.2f}, limit {arguments.limit}")
    return 0 if worst <= arguments.limit else 1


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    raise SystemExit(main())
