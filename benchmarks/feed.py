"""The feeds of the supervised trainer on many pictures: their speed beside preloaded tensors, and their memory.

Pictures are JPEGs of 160 x 160 in a temporary folder, of which `--distinct` differ and the rest are links to them.

- speed: one process, epochs in turns: a bare loop over tensors that were loaded before (uint8, normalised batch by
  batch), and the same loop over the feed in memory, stored and streamed; the model is a small convolutional network.
  Beside them what decoding costs a processor, measured on some of the pictures.
- memory: for each feed and number of pictures a process of its own that trains an epoch; the most that it and the
  processes that read for it hold unshared at once (Private_Dirty), above a process that has imported torch and built
  the model.

    python benchmarks/feed.py [--pictures 5000] [--rounds 5] [--memory 1000,2000,5000] [--png memory.png] [--json F]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 torch's own convention
from PIL import Image
from torch import nn

from zoo_core import open_zoo
from zoo_core.data import Feeding, Samples, bind_dataset
from zoo_core.environment import machine_kind, usable_processors
from zoo_core.training import Feed

SIDE, BATCH = 160, 64
FEEDS = ("memory", "stored", "streamed")
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
TARGETS = {"stored / preloaded": 0.95, "streamed / bound": 1.08, "GB unshared": 1.5}


def make_pictures(root: Path, count: int, distinct: int) -> None:
    """Pictures of two classes, smooth as photographs are, each class in its folder."""
    generator = np.random.default_rng(0)
    for name in ("first", "second"):
        root.joinpath(name).mkdir(parents=True)
    for number in range(count):
        path = root / ("first", "second")[number % 2] / f"{number:07d}.jpg"
        if number < distinct:
            small = generator.integers(0, 256, (20, 20, 3), np.uint8)
            Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(path, quality=90)
        else:
            first = number % distinct - (number % distinct - number) % 2
            os.link(root / ("first", "second")[first % 2] / f"{first:07d}.jpg", path)


def load(root: Path, kind: str, count: int) -> Samples:
    """So many of the pictures as training samples."""
    options = {"root": str(root), "size": SIDE, "val_size": 2, "train_size": count}
    return bind_dataset(open_zoo().dataset("image-folder"), options).load("train", feeding=Feeding(kind=kind))


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 16, 5, stride=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, stride=2),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, stride=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 2),
    ).to(memory_format=torch.channels_last)


def train(module: nn.Module, batches: Iterator[tuple[Any, Any]]) -> float:
    """The seconds of an epoch."""
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9)
    started = time.perf_counter()
    for inputs, targets in batches:
        optimizer.zero_grad()
        F.cross_entropy(module(inputs), targets).backward()
        optimizer.step()
    return time.perf_counter() - started


def preloaded(pixels: torch.Tensor, targets: torch.Tensor, epoch: int) -> Iterator[tuple[Any, Any]]:
    """The batches of a bare loop."""
    mean, std = (torch.tensor(values).reshape(1, 3, 1, 1) for values in (MEAN, STD))
    order = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(epoch))
    for start in range(0, len(order), BATCH):
        chosen = order[start : start + BATCH]
        values = pixels[chosen].float().mul_(1 / 255).sub_(mean).div_(std)
        yield values.contiguous(memory_format=torch.channels_last), targets[chosen]


def decoding_seconds(root: Path, some: int = 500) -> float:
    """What reading and decoding a picture costs a processor."""
    from zoo_core.data.sample_readers import SampleReader, digest_of
    from zoo_core.recipes import as_implementation
    from zoo_core.specs import Preprocess

    recipe = as_implementation(Preprocess(resize=(SIDE, SIDE), mean=MEAN, std=STD))
    reader = SampleReader(recipes={"image": recipe}, sources={}, dtypes={})
    paths = [str(path) for path in sorted(root.glob("*/*.jpg"))[:some]]
    started = time.process_time()
    for path in paths:
        content = reader.content(path)
        digest_of(content)
        reader.row(content, path)
    return (time.process_time() - started) / len(paths)


def speed(root: Path, count: int, rounds: int) -> dict[str, Any]:
    """The seconds of an epoch in each way, in turns, and their ratios."""
    samples = {kind: load(root, kind, count) for kind in FEEDS}
    feeds = {kind: Feed(each, batch_size=BATCH, ready_bytes=0) for kind, each in samples.items()}
    pixels, targets = torch.from_numpy(samples["memory"].main), torch.from_numpy(samples["memory"].targets)
    module = network()
    seconds: dict[str, list[float]] = {name: [] for name in ("preloaded", *FEEDS)}
    decoding = []
    for epoch in range(rounds + 1):
        taken = {"preloaded": train(module, preloaded(pixels, targets, epoch))}
        taken |= {kind: train(module, feed.shuffled(seed=0, epoch=epoch)) for kind, feed in feeds.items()}
        if epoch:  # the first is for what is done for once
            decoding.append(decoding_seconds(root) * count)
            for name, value in taken.items():
                seconds[name].append(value)
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    bounds = [bare + cost / usable_processors() for bare, cost in zip(seconds["preloaded"], decoding, strict=True)]
    return {
        "pictures": count,
        "seconds": middle,
        "decoding": statistics.median(decoding),
        "stored / preloaded": statistics.median(
            bare / own for bare, own in zip(seconds["preloaded"], seconds["stored"], strict=True)
        ),
        "streamed / bound": statistics.median(
            own / bound for own, bound in zip(seconds["streamed"], bounds, strict=True)
        ),
    }


class Unshared:
    """The most that this process and its children hold unshared, in bytes, looked at five times a second."""

    def __init__(self) -> None:
        self.most = 0
        self._over = threading.Event()
        self._looking = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Unshared:
        self._looking.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._looking.join()

    def _look(self) -> None:
        while not self._over.wait(0.2):
            self.most = max(self.most, unshared_now())


def unshared_now() -> int:
    own = os.getpid()
    children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
    found = 0
    for process in (own, *map(int, children)):
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        found += sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:"))
    return found


def measure_memory(root: Path, kind: str, count: int) -> None:
    """In a process of its own: prints what it held at most above what it began with."""
    module = network()
    module(torch.zeros(BATCH, 3, SIDE, SIDE))
    began = unshared_now()
    with Unshared() as unshared:
        train(module, Feed(load(root, kind, count), batch_size=BATCH).shuffled(seed=0, epoch=1))
    print(json.dumps({"feed": kind, "pictures": count, "bytes": unshared.most - began}))


def memory(root: Path, counts: list[int], kinds: tuple[str, ...]) -> list[dict[str, Any]]:
    rows = []
    for count in counts:
        for kind in kinds:
            command = [sys.executable, __file__, "--child", kind, "--root", str(root), "--pictures", str(count)]
            rows.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
            print(f"{kind:<9} {count:>8,} pictures  {rows[-1]['bytes'] / 1e9:.2f} GB unshared", flush=True)
    return rows


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    for kind in FEEDS:
        own = [row for row in rows if row["feed"] == kind]
        if own:
            axes.plot([row["pictures"] for row in own], [row["bytes"] / 1e9 for row in own], marker="o", label=kind)
    axes.axhline(TARGETS["GB unshared"], color="grey", linestyle=":", label="the limit that is kept")
    axes.set(xlabel=f"pictures of {SIDE} x {SIDE}", ylabel="GB unshared, above model and torch", ylim=(0, None))
    axes.legend()
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=5000)
    parser.add_argument("--distinct", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", type=lambda text: [int(part) for part in text.split(",")], default=[1000, 5000])
    parser.add_argument("--memory-feeds", default=",".join(FEEDS))
    parser.add_argument("--png", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        measure_memory(asked.root, asked.child, asked.pictures)
        return
    with tempfile.TemporaryDirectory(prefix="zoo-feed-") as folder:
        os.environ["ZOO_CACHE"] = str(Path(folder) / "cache")
        root = Path(folder) / "pictures"
        most = max(asked.pictures, *asked.memory) + 2
        make_pictures(root, most, min(most, asked.distinct))
        rows = memory(root, asked.memory, tuple(asked.memory_feeds.split(",")))
        found = speed(root, asked.pictures, asked.rounds) if asked.rounds else {}
    told = {"machine": machine_kind(), "torch": torch.__version__, "threads": torch.get_num_threads()}
    if found:
        for name, value in found["seconds"].items():
            print(f"{name:<10} {value:7.2f} s an epoch of {asked.pictures:,} pictures")
        print(f"decoding   {found['decoding']:7.2f} processor seconds an epoch")
        for name in ("stored / preloaded", "streamed / bound"):
            print(f"{name:<20} {found[name]:.3f}  (target {TARGETS[name]})")
    if asked.png:
        draw(rows, asked.png)
    if asked.json:
        asked.json.write_text(json.dumps({**told, **found, "memory": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
