"""What `zoo export` costs beside a plain script that imports, builds, exports and runs onnxruntime once.

Whole processes: the processor seconds of the process and of every child of it, and the most memory that all of them
held together (proportional set sizes, looked at ten times a second, so that shared pages count once). Plain and ours
take turns; ratios are of medians, the spread is that of each round's own ratio.

    python benchmarks/export_cost.py [--rounds 3] [--only NAME ...] [--threads 2]

The set is fixed. A detector has no plain export by the usual exporter: its plain script takes the TorchScript one, and
its ratio stands beside the targets without counting. What is printed is the table of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from zoo_core.environment import machine_kind, package_versions

DETECTOR = "torchvision/fasterrcnn_mobilenet_v3_large_320_fpn"
MODELS = (
    "torchvision/alexnet",
    "torchvision/vgg16",
    "torchvision/resnet18",
    "torchvision/resnet50",
    "torchvision/mobilenet_v3_small",
    "torchvision/efficientnet_b0",
    "torchvision/convnext_tiny",
    "torchvision/vit_b_16",
    "torchvision/swin_t",
    "torchvision/deeplabv3_resnet50",
    DETECTOR,
    "timm/hrnet_w18_small",
)
MEDIAN, WORST, MEMORY = 1.7, 2.5, 1.3
VERSIONED = ("zoo-core", "torch", "torchvision", "timm", "onnx", "onnxscript", "onnxruntime", "numpy")
LOOK_EVERY = 0.1

PLAIN = """
import sys, warnings
import numpy as np, torch, onnxruntime
warnings.simplefilter("ignore")
family, name = sys.argv[1].split("/")
if family == "timm":
    import timm
    model = timm.create_model(name)
else:
    import torchvision
    more = {"weights": None}
    if "rcnn" in name or "deeplab" in name:
        more["weights_backbone"] = None
    model = torchvision.models.get_model(name, **more)
model.eval()
with torch.no_grad():
    if "rcnn" in name:
        example = torch.rand(1, 3, 320, 320)
        torch.onnx.export(model, (example,), "plain.onnx", dynamo=False)
    else:
        example = torch.rand(2, 3, 224, 224)
        torch.onnx.export(
            model, (example,), "plain.onnx", dynamo=True, dynamic_shapes=({0: "N"},), external_data=False, verbose=False
        )
session = onnxruntime.InferenceSession("plain.onnx", providers=["CPUExecutionProvider"])
session.run(None, {session.get_inputs()[0].name: example.numpy()[:1]})
"""


@dataclass(frozen=True)
class Cost:
    """Of one whole process with its children: processor seconds, and the most memory together, in bytes."""

    processor: float
    memory: int


@dataclass(frozen=True)
class Row:
    """One model: the costs of each round, plain and ours."""

    model: str
    plain: list[Cost]
    ours: list[Cost]

    @property
    def processor_ratio(self) -> float:
        """Of the medians."""
        return _median(self.ours, "processor") / _median(self.plain, "processor")

    @property
    def memory_ratio(self) -> float:
        """Of the medians."""
        return _median(self.ours, "memory") / _median(self.plain, "memory")

    def __str__(self) -> str:
        rounds = sorted(o.processor / p.processor for o, p in zip(self.ours, self.plain, strict=True))
        return (
            f"| `{self.model}` | {_median(self.plain, 'processor'):.1f} s | {_median(self.ours, 'processor'):.1f} s | "
            f"{self.processor_ratio:.2f} ({rounds[0]:.2f} to {rounds[-1]:.2f}) | "
            f"{_median(self.plain, 'memory') / 1e6:.0f} MB | {_median(self.ours, 'memory') / 1e6:.0f} MB | "
            f"{self.memory_ratio:.2f} |"
        )


def _median(costs: list[Cost], what: str) -> float:
    return statistics.median(getattr(cost, what) for cost in costs)


def cost_of(command: list[str], folder: Path, *, threads: int) -> Cost:
    """Run a command in `folder` to its end. SystemExit where it fails, with what it said last."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "NO_COLOR": "1"}
    with (folder / "output.txt").open("w") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
        with _watched(process.pid) as most:
            _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command[:4])} failed:\n{(folder / 'output.txt').read_text()[-2000:]}")
    return Cost(processor=used.ru_utime + used.ru_stime, memory=max(most))


@contextlib.contextmanager
def _watched(process: int) -> Iterator[list[int]]:
    """The memory of a process and its descendants together, at each look."""
    looks, ended = [0], threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_EVERY):
            looks.append(sum(_proportional(each) for each in _family(process)))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield looks
    finally:
        ended.set()
        thread.join()


def _family(process: int) -> list[int]:
    found, waiting = [], [process]
    while waiting:
        found.append(waiting.pop())
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{found[-1]}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
    return found


def _proportional(process: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return 1024 * int(line.split()[1])
    return 0


def measure(model: str, *, rounds: int, threads: int) -> Row:
    """Both sides in turns, each in a folder of its own."""
    row = Row(model, [], [])
    ours = [sys.executable, "-m", "zoo_core", "export", model, "--to", "export"]
    for _ in range(rounds):
        for command, costs in (([sys.executable, "-c", PLAIN, model], row.plain), (ours, row.ours)):
            with tempfile.TemporaryDirectory() as folder:
                costs.append(cost_of(command, Path(folder), threads=threads))
    return row


def verdict(rows: list[Row]) -> list[str]:
    """Each target, and how far it was reached."""
    counted = [row for row in rows if row.model != DETECTOR] or rows
    ratios = {row.model: row.processor_ratio for row in counted}
    worst = max(ratios, key=lambda name: ratios[name])
    memory = max(counted, key=lambda row: row.memory_ratio)
    return [
        f"processor time, median: {statistics.median(ratios.values()):.2f} (at most {MEDIAN})",
        f"processor time, worst: {ratios[worst]:.2f}, `{worst}` (at most {WORST})",
        f"memory, worst: {memory.memory_ratio:.2f}, `{memory.model}` (at most {MEMORY})",
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=MODELS, metavar="NAME")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    versions = ", ".join(f"{name} {version}" for name, version in package_versions(VERSIONED).items())
    print(f"{machine_kind()}; {arguments.threads} threads; n = {arguments.rounds}; {versions}")
    print(
        "\n| model | plain, processor time | zoo | ratio (rounds) | plain, most memory | zoo | ratio |\n"
        "| --- | --- | --- | --- | --- | --- | --- |"
    )
    rows = []
    for model in arguments.only:
        rows.append(measure(model, rounds=arguments.rounds, threads=arguments.threads))
        print(rows[-1], flush=True)
    print("\n" + "\n".join(verdict(rows)))


if __name__ == "__main__":
    main()
