"""Damaged files for every reader: how many are refused in words, and whether any ends otherwise.

Prints a table with a line for each reader: files given, refused, read, seconds, and those that ended with an error that
no user should meet, of which there must be none. The files are drawn by hypothesis, and are the same for the same
`--seed`. Exit code 1 when one ended otherwise.

    python benchmarks/fuzz.py [--examples N] [--seed S] [WORD ...]

A WORD chooses the readers whose name holds it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))
from fuzzed import fuzz, readers


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*")
    parser.add_argument("--examples", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    warnings.simplefilter("error")  # a warning is a line that no command should print
    print("| reader | files | refused | read | seconds | otherwise |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    found: Counter[str] = Counter()
    for name, reader in readers().items():
        if arguments.words and not any(word in name for word in arguments.words):
            continue
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            os.environ["ZOO_STATE"] = os.path.join(folder, "state")
            done = fuzz(reader, Path(folder), examples=arguments.examples, start=arguments.seed)
            os.chdir("/")
        numbers = f"{done.inputs:,} | {done.refused:,} | {done.accepted:,} | {done.seconds:.1f}"
        print(f"| {name} | {numbers} | {len(done.otherwise)} |", flush=True)
        found.update(f"{name}: {error}" for error in done.otherwise)
    for error, times in found.most_common():
        print(f"{times} times {error}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
