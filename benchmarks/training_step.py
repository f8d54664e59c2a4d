"""What a training step costs on a processor, with and without memory that freed blocks go back to (`keep_memory`).

`resnet-cifar`, batches of 512 random pictures, forward and backward; each side in processes of its own, taking turns.
Ratios are of medians of wall seconds; the seconds that the system takes are shown beside them.

    python benchmarks/training_step.py [--rounds 5] [--steps 4] [--batch 512] [--threads 2]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

from zoo_core.environment import machine_kind, package_versions

SIDES = ("given back", "kept")


def measure(side: str, *, steps: int, batch: int, threads: int) -> dict[str, float]:
    """Seconds of one step, and those of the system within them, in this process."""
    import torch

    from zoo_core import open_zoo
    from zoo_core.training.placement import keep_memory

    torch.set_num_threads(threads)
    if side == "kept":
        keep_memory()
    module = open_zoo().model("resnet-cifar").build(in_channels=3, height=32, width=32, num_classes=10)
    module = module.to(memory_format=torch.channels_last)
    inputs = torch.randn(batch, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    targets = torch.randint(0, 10, (batch,))

    def step() -> None:
        module.zero_grad()
        torch.nn.functional.cross_entropy(module(inputs), targets).backward()

    step()
    before, started = os.times(), time.perf_counter()
    for _ in range(steps):
        step()
    seconds, after = time.perf_counter() - started, os.times()
    return {"seconds": seconds / steps, "system": (after.system - before.system) / steps}


def main() -> None:
    """Measure in turns, and print both sides."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, usual in (("rounds", 5), ("steps", 4), ("batch", 512), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    parser.add_argument("--one", choices=SIDES, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    sizes = {"steps": asked.steps, "batch": asked.batch, "threads": asked.threads}
    if asked.one:
        print(json.dumps(measure(asked.one, **sizes)))
        return
    found: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for _ in range(asked.rounds):
        for side, rows in found.items():
            command = [sys.executable, __file__, "--one", side, *(f"--{k}={v}" for k, v in sizes.items())]
            rows.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    for side, rows in found.items():
        seconds = sorted(row["seconds"] for row in rows)
        system = statistics.median(row["system"] for row in rows)
        spread = f"{seconds[0]:.3f} to {seconds[-1]:.3f}, n = {len(rows)}"
        print(f"{side:<11} {statistics.median(seconds):.3f} s a step ({spread}); {system:.3f} s of the system")
    given, kept = (statistics.median(row["seconds"] for row in found[side]) for side in SIDES)
    print(f"kept / given back: {kept / given:.2f}")
    print(f"{machine_kind()}; {json.dumps(sizes)}; {json.dumps(package_versions(('torch',)))}")


if __name__ == "__main__":
    main()
