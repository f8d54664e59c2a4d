"""What a file costs that prepares its pictures itself (`zoo export --bake-preprocess`), beside the float file.

Two photographs of scikit-learn, saved as JPEGs of several sizes, are answered by both files, one picture at a time and
in turns, from the name of the file to the row of the answer: decoding is in both, and told by itself. Exit code 1 where
they decide otherwise, or a probability differs by more than 1e-5.

    python benchmarks/baked.py [--model MODEL]... [--rounds N] [--folder DIR]

`--folder` keeps the exports for the next time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from made_exports import trained, zoo
from PIL import Image
from sklearn.datasets import load_sample_images

from zoo_core.environment import machine_kind, package_versions
from zoo_core.runtime import ExportedModel, open_model

MODELS = ("lenet5:digits:2", "torchvision/resnet18")
SIZES = ((64, 48), (640, 480), (1600, 1200))
WITHIN = 1e-5
VERSIONED = ("zoo-core", "onnxruntime", "numpy", "pillow")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", action="append")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    good = True
    load = os.getloadavg()[0]
    print("| model | MB | picture | decoding | float file | baked file | baked / float (spread) | largest difference |")
    print("| --- | --- | --- | ---: | ---: | ---: | --- | ---: |")
    with tempfile.TemporaryDirectory() as made:
        folder = asked.folder or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        for name in asked.model or MODELS:
            plain, baked = exported(name, folder)
            sizes = " and ".join(f"{(path / 'model.onnx').stat().st_size / 1e6:.3g}" for path in (plain, baked))
            for size in SIZES:
                good &= show(name, sizes, plain, baked, pictures(folder, size), asked.rounds)
    versions = ", ".join(f"{name} {version}" for name, version in package_versions(VERSIONED).items())
    print(f"\nn = {asked.rounds} rounds of 2 pictures, medians of one picture; {machine_kind()}, ", end="")
    print(f"load average {load:.1f} at the beginning; {versions}")
    return 0 if good else 1


def exported(text: str, folder: Path) -> tuple[Path, Path]:
    """The float file and the baked one of MODEL:DATASET:EPOCHS, or of a model with fresh weights, the same each time.

    Made where they are not there yet.
    """
    name = "-".join(text.split(":")[:2]).rpartition("/")[2]
    plain, baked = folder / "exported" / name, folder / "baked" / name
    if not plain.exists():
        trained(text, folder) if ":" in text else zoo(folder, "export", text, "--to", str(plain))
    if not baked.exists():
        source = f"run:{name}" if ":" in text else text
        zoo(folder, "export", source, "--bake-preprocess", "--to", str(baked))
    return plain, baked


def pictures(folder: Path, size: tuple[int, int]) -> list[Path]:
    """The two photographs in that size."""
    found = []
    for number, pixels in enumerate(load_sample_images().images):
        path = folder / f"{number}-{size[0]}x{size[1]}.jpg"
        Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS).save(path, quality=92)
        found.append(path)
    return found


def show(name: str, sizes: str, plain: Path, baked: Path, paths: Sequence[Path], rounds: int) -> bool:
    """A line; False where the two files do not agree."""
    with open_model(plain, isolated=False) as first, open_model(baked, isolated=False) as second:
        gap, same = agreement(first, second, paths)
        times: list[tuple[float, ...]] = []
        for number in range(rounds + 1):
            turns = [lambda: decoded(paths), lambda: first(paths), lambda: second(paths)]
            taken = [0.0] * 3
            for place in ((number + shift) % 3 for shift in range(3)):
                began = time.perf_counter()
                turns[place]()
                taken[place] = (time.perf_counter() - began) / len(paths)
            times.append(tuple(taken))
    del times[0]  # the first answers of a session take longer
    decoding, floats, bakeds = (statistics.median(each) * 1e3 for each in zip(*times, strict=True))
    ratios = [other / one for _, one, other in times]
    with Image.open(paths[0]) as image:
        size = f"{image.width} x {image.height}"
    spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    agrees = f"{gap:.1e}" if same else "ANOTHER DECISION"
    cells = (f"{decoding:.3g} ms", f"{floats:.3g} ms", f"{bakeds:.3g} ms")
    print(f"| `{name.partition(':')[0]}` | {sizes} | {size} | {' | '.join(cells)} | {spread} | {agrees} |", flush=True)
    return same and gap <= WITHIN


def decoded(paths: Sequence[Path]) -> None:
    for path in paths:
        with Image.open(path) as image:
            np.asarray(image.convert("RGB"))


def agreement(first: ExportedModel, second: ExportedModel, paths: Sequence[Path]) -> tuple[float, bool]:
    """The largest difference of a probability, and whether every label is the same."""
    gap, same = 0.0, True
    for one, other in zip(first(paths), second(paths), strict=True):
        same &= one["label"] == other["label"]
        gap = max(
            [gap, *(abs(one["probabilities"][key] - other["probabilities"][key]) for key in one["probabilities"])]
        )
    return gap, same


if __name__ == "__main__":
    sys.exit(main())
