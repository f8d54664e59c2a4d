"""How long `zoo` takes to start, against the bare libraries that it stands on.

Prints the medians of `zoo --help`, `zoo plugins` and `zoo list` with a warm catalogue, also with 500 synthetic plugins
besides, and their ratios to a Python that only imports click and pluggy and asks for the entry points (without the
synthetic ones). The commands take turns, so that a slow moment of the machine hits all of them. Then, once each, the
cold listing of everything, and the listing after one of the 500 was edited. Exit code 1 when a ratio is above its
limit.

    python benchmarks/startup.py [--runs N] [--limit RATIO] [--crowd-limit RATIO]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

BASELINE = "import click, pluggy, importlib.metadata as m; m.entry_points(group='zoo.plugins')"
PROGRAM = str(Path(sys.executable).with_name("zoo"))
CROWD = 500
PLUGIN = '''"""A synthetic plugin."""

from zoo_core import ModelSpec, TensorSpec, hookimpl


def build(*, in_channels: int = 3, num_classes: int = 10):
    from .net import Net

    return Net(in_channels, num_classes)


@hookimpl
def zoo_models():
    yield ModelSpec(
        name="synthetic-{number}",
        build=build,
        task="image-classification",
        summary="Number {number} of many",
        inputs={{"image": TensorSpec("N", "in_channels", 32, 32)}},
        outputs={{"logits": TensorSpec("N", "num_classes")}},
        license="MIT",
    )
'''


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--limit", type=float, default=2.0)
    parser.add_argument("--crowd-limit", type=float, default=3.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder, "site")
        make_crowd(site)
        plain = {**os.environ, "ZOO_CACHE": str(Path(folder, "cache"))}
        crowd = {**plain, "PYTHONPATH": os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))}
        cold = {"plain": _seconds([PROGRAM, "list"], plain), "crowd": _seconds([PROGRAM, "list"], crowd)}
        _print_setting(arguments.runs, {"installed": plain, f"with {CROWD} more": crowd})
        within = measure(arguments.runs, plain, crowd, limits=(arguments.limit, arguments.crowd_limit))
        edited = _after_an_edit(site, crowd)
    print(f"\nonce each: cold list {cold['plain']:.1f} s, with {CROWD} more plugins {cold['crowd']:.1f} s,", end=" ")
    print(f"after an edit of one of them {edited:.2f} s")
    return 0 if within else 1


def make_crowd(site: Path) -> None:
    """500 distributions of one plugin with one model each, as pip leaves them."""
    for number in range(CROWD):
        package = site / f"zoo_synthetic_{number}"
        package.mkdir(parents=True)
        package.joinpath("__init__.py").write_text(PLUGIN.format(number=number), encoding="utf-8")
        package.joinpath("net.py").write_text('"""No net."""\n', encoding="utf-8")
        info = site / f"{package.name}-1.0.dist-info"
        info.mkdir()
        name = package.name.replace("_", "-")
        info.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
        info.joinpath("entry_points.txt").write_text(f"[zoo.plugins]\n{name} = {package.name}\n", encoding="utf-8")


def measure(runs: int, plain: Mapping[str, str], crowd: Mapping[str, str], *, limits: tuple[float, float]) -> bool:
    """Time everything in turns, print a line each, and tell whether all ratios are within the limits."""
    anchor = [sys.executable, "-c", BASELINE]
    commands = {
        "baseline": (anchor, plain, None),
        "zoo --help": ([PROGRAM, "--help"], plain, limits[0]),
        "zoo plugins": ([PROGRAM, "plugins"], plain, limits[0]),
        "zoo list": ([PROGRAM, "list"], plain, limits[0]),
        f"baseline, {CROWD} more": (anchor, crowd, None),
        f"zoo list, {CROWD} more": ([PROGRAM, "list"], crowd, limits[1]),
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(runs + 2):  # the first two fill caches
        for name, (command, environment, _) in commands.items():
            seconds = _seconds(command, environment)
            if turn > 1:
                taken[name].append(seconds)
    base = statistics.median(taken["baseline"])
    within = True
    for name, (_, _, limit) in commands.items():
        median = statistics.median(taken[name])
        # The ratio of neighbours in time: what slows the machine for a while slows both.
        ratios = sorted(one / other for one, other in zip(taken[name], taken["baseline"], strict=True))
        within = within and (limit is None or median / base <= limit)
        print(
            f"{name:<19} median {median * 1000:5.0f} ms   spread {min(taken[name]) * 1000:4.0f} to "
            f"{max(taken[name]) * 1000:4.0f} ms   ratio {median / base:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
            + (f"   limit {limit:g}" if limit is not None else "")
        )
    return within


def _after_an_edit(site: Path, environment: Mapping[str, str]) -> float:
    edited = site / "zoo_synthetic_250" / "__init__.py"
    edited.write_text(edited.read_text(encoding="utf-8").replace("of many", "of very many"), encoding="utf-8")
    return _seconds([PROGRAM, "list"], environment)


def _print_setting(runs: int, environments: Mapping[str, Mapping[str, str]]) -> None:
    packages = ", ".join(f"{name} {_version(name)}" for name in ("zoo-core", "click", "torchvision", "timm"))
    smp = _version("segmentation-models-pytorch")
    print(f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, {packages}, smp {smp}")
    for name, environment in environments.items():
        listed = subprocess.run([PROGRAM, "list", "--json"], env=environment, capture_output=True, check=True).stdout
        print(f"{name}: {len(json.loads(listed))} names")
    print(f"n = {runs}, interleaved, warm catalogue\n")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def _seconds(command: list[str], environment: Mapping[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, check=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    raise SystemExit(main())
