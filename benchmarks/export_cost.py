"""What `zoo export` costs beside `torch.onnx.export` alone: seconds, and memory of the parent and of its child.

- untrained: `torchvision/resnet18` with fresh weights, healthy parameters included;
- trained: a run of the same net, one epoch on drawn pictures (their content does not matter to the time), of which the
  validation split takes part in the check.

Every measurement is a process of its own, so that its peak memory is its own; the plain export and ours take turns,
with the same number of threads, both after a small export that loads what the exporter loads late (`--cold`: without
it, as one `zoo export` is). The plain side is `torch.onnx.export` of a module that is there already, to a file, with
its default optimisation. Ratios are of medians; the spread is that of each round's own ratio.

    python benchmarks/export_cost.py [--rounds 5] [--only untrained|trained] [--threads 2] [--cold] [--stages]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from zoo_core.environment import machine_kind, package_versions
from zoo_core.verification.subject.limits import memory_of

MODEL = "torchvision/resnet18"
RUN = "cost"
TARGETS = {"untrained": 2.0, "trained": 1.5}
PICTURES, CLASSES, SIDE = 60, 3, 224
VERSIONED = ("zoo-core", "torch", "torchvision", "onnx", "onnxscript", "onnxruntime", "numpy")


def plan_of(what: str) -> Any:
    """The plan that `zoo export` makes of the fresh model, or of the run in this folder."""
    from zoo_core import open_zoo
    from zoo_core.workflows.exports.export_source import plan_source

    return plan_source(open_zoo(), MODEL if what == "untrained" else RUN, opset=20)


def late_imports() -> None:
    """A small export, so that what the exporter imports late is there."""
    import torch

    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        net = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 1), torch.nn.BatchNorm2d(1)).eval()
        torch.onnx.export(net, (torch.rand(2, 1, 4, 4),), dynamo=True, verbose=False)


def measure_plain(what: str, folder: Path) -> dict[str, Any]:
    """`torch.onnx.export` of the module, and nothing else."""
    import torch

    from zoo_core.torch_modules import fresh_module

    plan = plan_of(what)
    module, example = fresh_module(plan.build, plan.checkpoint), plan.example()
    axes = tuple(
        {place: axis for place, axis in enumerate(s.axes) if isinstance(axis, str)} for s in plan.inputs.values()
    )
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        start, before = time.perf_counter(), busy()
        torch.onnx.export(
            module,
            example,
            str(folder / "plain.onnx"),
            dynamo=True,
            dynamic_shapes=axes,
            input_names=list(plan.inputs),
            output_names=list(plan.outputs),
            external_data=False,
            verbose=False,
        )
        seconds = time.perf_counter() - start
    return {"seconds": seconds, "busy": busy() - before, "size": (folder / "plain.onnx").stat().st_size}


def measure_ours(what: str, folder: Path) -> dict[str, Any]:
    """Plan (healthy parameters), conversion, check and publication; its stages as they are shown."""
    from zoo_core import open_zoo
    from zoo_core.workflows.exports.export_source import export_plan

    zoo, before = open_zoo(), busy()
    begun: list[tuple[str, float]] = [("planning", time.perf_counter())]
    report = export_plan(
        plan_of(what), folder / "ours", zoo, progress=lambda stage: begun.append((stage, time.perf_counter()))
    )
    end = time.perf_counter()
    ends = [at for _, at in begun[1:]] + [end]
    stages: dict[str, float] = {}
    for (name, at), then in zip(begun, ends, strict=True):
        stages[name] = stages.get(name, 0.0) + then - at
    size = (folder / "ours" / "model.onnx").stat().st_size
    seconds = end - begun[0][1]
    return {
        "seconds": seconds,
        "busy": busy() - before,
        "size": size,
        "stages": stages,
        "outcome": report.outcome,
    }


def busy() -> float:
    """Processor seconds of this process and its ended children, which a busy machine changes less than seconds."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def measure(what: str, side: str, *, cold: bool) -> dict[str, Any]:
    """One measurement, in this process."""
    import onnx  # noqa: F401 both sides need them, and neither is to pay for them
    import onnxruntime  # noqa: F401
    import onnxscript  # noqa: F401
    import torch
    import torchvision  # noqa: F401

    import zoo_core.export.check.check as check

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    if not cold:
        late_imports()
    children: list[int] = []
    started = check.started_subject

    @contextlib.contextmanager
    def watched(*arguments: Any, **options: Any) -> Iterator[Callable[[], Any]]:
        with started(*arguments, **options) as wait:

            def result() -> Any:
                found = wait()
                children.append(found.peak_memory or 0)
                return found

            yield result

    # A look at the child's memory, which reports do not hold.
    check.started_subject = watched  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as folder:
        found = (measure_plain if side == "plain" else measure_ours)(what, Path(folder))
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return {**found, "parent": memory_of("self", peak=True), "child": max(children, default=0), "largest": largest}


def in_child(what: str, side: str, arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """One measurement, in a process of its own that stands in `folder`, where the run is."""
    command = [sys.executable, str(Path(__file__).resolve()), "--one", what, side]
    environment = {**os.environ, "OMP_NUM_THREADS": str(arguments.threads)}
    found = subprocess.run(
        [*command, "--cold"] if arguments.cold else command,
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment,
    )
    if found.returncode:
        raise SystemExit(
            f"{what}, {side}: exit code {found.returncode}\n{found.stdout[-1000:]}\n{found.stderr[-2000:]}"
        )
    result: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
    return result


def train(folder: Path) -> None:
    """A run of one epoch on drawn pictures, in `folder`."""
    generator = np.random.default_rng(0)
    for number in range(PICTURES):
        place = folder / "pictures" / f"class{number % CLASSES}"
        place.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        Image.fromarray(pixels // 2 + np.uint8(40 * (number % CLASSES))).save(place / f"{number}.png")
    command = [sys.executable, "-m", "zoo_core", "train", MODEL, "--dataset", "image-folder", "-d", "root=pictures"]
    command += ["--run", RUN, "--epochs", "1", "-d", f"size={SIDE}"]
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    if found.returncode:
        raise SystemExit(f"training failed: {found.stderr[-2000:]}")


def show(what: str, results: dict[str, list[dict[str, Any]]]) -> bool:
    """Print one case; whether it is within its target."""
    plain, ours = results["plain"], results["ours"]
    medians = {side: statistics.median(r["seconds"] for r in rows) for side, rows in results.items()}
    ratios = sorted(o["seconds"] / p["seconds"] for o, p in zip(ours, plain, strict=True))
    ratio = medians["ours"] / medians["plain"]
    work = {side: statistics.median(r["busy"] for r in rows) for side, rows in results.items()}
    size = ours[0]["size"]
    memory = {side: max(r["parent"] or 0 for r in rows) for side, rows in results.items()}
    child = max(r["child"] for r in ours)
    print(
        f"{what}: plain {medians['plain']:.2f} s, ours {medians['ours']:.2f} s, ratio {ratio:.2f} "
        f"(rounds {ratios[0]:.2f} to {ratios[-1]:.2f}, n = {len(ours)}); target {TARGETS[what]}"
    )
    print(
        f"  processor seconds: plain {work['plain']:.2f}, ours {work['ours']:.2f}, "
        f"ratio {work['ours'] / work['plain']:.2f}"
    )
    parent_limit, child_limit = memory["plain"] + size, 2 * size + 300e6
    print(
        f"  memory: plain {memory['plain'] / 1e6:.0f} MB; parent {memory['ours'] / 1e6:.0f} MB (at most "
        f"{parent_limit / 1e6:.0f}); child {child / 1e6:.0f} MB (at most {child_limit / 1e6:.0f}); "
        f"model {size / 1e6:.0f} MB; outcome {ours[0]['outcome']}"
    )
    copy = max(r["largest"] for r in ours)
    print(
        f"  the copy of the parent that runs PyTorch beside it: {copy / 1e6:.0f} MB, most of it shared with the parent"
    )
    return bool(ratio <= TARGETS[what] and memory["ours"] <= parent_limit and child <= child_limit)


def main() -> None:
    """Measure in turns, print both cases; exit code 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=tuple(TARGETS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cold", action="store_true", help="late imports of the exporter count too")
    parser.add_argument("--stages", action="store_true", help="seconds of each stage of ours")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(*arguments.one, cold=arguments.cold)))
        return
    good = True
    print(f"{machine_kind()}; {arguments.threads} threads; {json.dumps(package_versions(VERSIONED))}")
    for what in [arguments.only] if arguments.only else list(TARGETS):
        with tempfile.TemporaryDirectory() as name:
            if what == "trained":
                train(Path(name))
            results: dict[str, list[dict[str, Any]]] = {"plain": [], "ours": []}
            for _ in range(arguments.rounds):
                for side, rows in results.items():
                    rows.append(in_child(what, side, arguments, Path(name)))
        good &= show(what, results)
        if arguments.stages:
            for stage in results["ours"][0]["stages"]:
                seconds = statistics.median(result["stages"].get(stage, 0.0) for result in results["ours"])
                print(f"  {seconds:6.2f} s  {stage}")
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
