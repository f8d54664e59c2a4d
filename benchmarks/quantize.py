"""What `zoo quantize` brings: size, metric, flipped decisions and time of each way, on small models and a larger one.

Models are trained here, by `zoo train`, and exported; `lenet5-digits` is the finished sample. Each is quantized
`--rounds` times, because time is what differs: the files have the same bytes each time, and the script fails (exit code
1) where they have not. Time is that of one row, as a part of the float file's, measured in turns.

    python benchmarks/quantize.py [--rounds N] [--model MODEL:DATASET:EPOCHS]...
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from made_exports import SAMPLE, trained, zoo

MODELS = ("tinydet:digit-scenes:3",)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", action="append", metavar="MODEL:DATASET:EPOCHS")
    asked = parser.parse_args()
    print(f"n = {asked.rounds} rounds; time: median and spread of them, as a part of the float file's")
    good = True
    versions = ""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        exports = [SAMPLE, *(trained(text, folder) for text in asked.model or MODELS)]
        for export in exports:
            rounds = [quantized(export, folder / f"{export.name}-{number}") for number in range(asked.rounds)]
            good &= show(rounds)
            versions = ", ".join(f"{name} {version}" for name, version in rounds[0]["versions"].items())
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors ({vnni()}); {versions}")
    return 0 if good else 1


def quantized(export: Path, to: Path) -> dict[str, Any]:
    """What `zoo quantize` tells, with the sha256 of each file."""
    done = zoo(to.parent, "quantize", str(export), "--trusted", "--to", str(to), "--json")
    told: dict[str, Any] = json.loads(done)
    for row in told["rows"]:
        path = row["published"]
        row["sha256"] = path and hashlib.sha256((Path(path) / "model.onnx").read_bytes()).hexdigest()
    return told


def show(rounds: list[dict[str, Any]]) -> bool:
    """A table; False where a file had other bytes in another round."""
    first, metric = rounds[0], rounds[0]["metric"]
    print(f"\n{first['export']}: {first['n']:,} validation samples of {first['dataset']}")
    print(f"of {metric} {first['allowed']:.3g} may be lost")
    whole = first["float"]
    print(f"{'':<14}{'bytes':>10}  {'size':>4}  {metric:>9}  {'drop':>7}  {'flipped':>13}  time (spread)")
    print(f"{'float':<14}{whole['bytes']:>10,}  1.00  {whole['metrics'][metric]:>9.4f}")
    same = True
    for place, row in enumerate(first["rows"]):
        every = [told["rows"][place] for told in rounds]
        same &= len({each["sha256"] for each in every}) == 1
        if row["metrics"] is None:
            print(f"{row['kind']:<14}not published: {row['why']}")
            continue
        times = [each["time_ratio"] for each in every if each["time_ratio"] is not None]
        spread = f"{statistics.median(times):.2f} ({min(times):.2f} to {max(times):.2f})" if times else "-"
        flipped = "-" if row["flipped"] is None else f"{row['flipped']:,} of {row['decisions']:,}"
        size = f"{row['bytes']:>10,}  {row['bytes'] / whole['bytes']:.2f}" if row["bytes"] else f"{'-':>10}  {'-':>4}"
        drop = f"{round(row['drop'], 4) + 0.0:>7.4f}"
        print(f"{row['kind']:<14}{size}  {row['metrics'][metric]:>9.4f}  {drop}  {flipped:>13}  {spread}")
        if row["float_nodes"]:
            print(f"{'':<14}{len(row['float_nodes'])} of {row['nodes']} nodes stayed float")
        if not row["published"]:
            print(f"{'':<14}not published: {row['why']}")
    if not same:
        print("FAILED: a file had other bytes in another round")
    return same


def vnni() -> str:
    """Whether the processor adds products of bytes without overflow; unknown where nobody tells."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return "VNNI unknown"
    return "VNNI" if "vnni" in flags else "no VNNI"


if __name__ == "__main__":
    sys.exit(main())
