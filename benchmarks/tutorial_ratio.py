"""What training `resnet-cifar` by its own recipe costs beside the tutorial's 25 epochs, measured in turns.

Machines change their speed from one second to the next, so a whole training of each after the other says little. Here
batches of the tutorial's loop (`tutorial_loop.py`) and of ours, at each size of pictures that the recipe has, take
turns; every round gives what all epochs of both would take at the speed of that moment, and their ratio. What ours
reaches is measured by `python benchmarks/tutorials.py resnet-cifar10 --recipe own`.

    python benchmarks/tutorial_ratio.py FOLDER [--rounds 7] [--threads 2] [--epochs N] [--small-first PART]

FOLDER is as for `tutorial_loop.py`. Exit code 1 when the median of the ratios is above a quarter.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as `zoo train` has it

import torch
from torch import Tensor, nn
from tutorial_loop import BATCH, EPOCHS, HELD_OUT, bind_pictures, loaders

from zoo_core import open_zoo
from zoo_core.environment import machine_kind
from zoo_core.training import Augment, Feed, choose_augmentations
from zoo_plugins.supervised import SupervisedConfig
from zoo_plugins.supervised.fit import make_optimizer, side_in

MODEL, USUAL = "resnet-cifar", ("flip", "crop")
TARGET = 0.25
SIDE = 32
BATCHES = {"tutorial": 50, "ours": 14, "validation": 4}

Batches = Iterable[tuple[Tensor, Tensor]]


def seconds_a_batch(module: nn.Module, batches: Batches, optimizer: torch.optim.Optimizer | None) -> float:
    """Train on the batches, or only look at them where there is no optimizer; the mean time of one."""
    criterion = nn.CrossEntropyLoss()
    module.train(optimizer is not None)
    started, count = time.perf_counter(), 0
    with torch.set_grad_enabled(optimizer is not None):
        for inputs, targets in batches:
            loss = criterion(module(inputs), targets)
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            loss.item()
            count += 1
    return (time.perf_counter() - started) / count


def build() -> nn.Module:
    """A fresh net for pictures of CIFAR-10."""
    module: nn.Module = open_zoo().model(MODEL).build(in_channels=3, height=32, width=32, num_classes=10)
    return module


class Tutorial:
    """Its loop: Adam, batches of 100, each sample transformed by itself."""

    def __init__(self, folder: Path) -> None:
        self.parts = loaders(folder)
        self.module = build()
        self.optimizer = torch.optim.Adam(self.module.parameters(), lr=0.001)

    def whole(self) -> float:
        """Seconds of all epochs at the speed of this moment."""
        train = itertools.islice(self.parts["train"], BATCHES["tutorial"])
        step = seconds_a_batch(self.module, train, self.optimizer)
        look = seconds_a_batch(self.module, itertools.islice(self.parts["validation"], BATCHES["tutorial"] // 3), None)
        return EPOCHS * (len(self.parts["train"]) * step + HELD_OUT / BATCH * look)


class Ours:
    """The recipe of the model: its optimizer, its batches, and its sizes of pictures."""

    def __init__(self, folder: Path, *, epochs: int | None, small_first: float | None) -> None:
        bound = bind_pictures(folder)
        recipe: dict[str, Any] = dict(open_zoo().model(MODEL).spec.recipe)
        tried = {"epochs": epochs, "small_first": small_first}
        config = SupervisedConfig(**recipe | {name: value for name, value in tried.items() if value is not None})
        small = round(config.small_first * config.epochs)
        self.sides = Counter(side_in(epoch, small=small) for epoch in range(1, config.epochs + 1))
        self.side = 1.0
        self.epoch: dict[float, float] = {}
        augment = Augment(names=choose_augmentations(config.augment, USUAL), seed=0)
        self.feed = Feed(
            bound.load("train"), batch_size=config.batch_size, augment=augment, side_in=lambda epoch: self.side
        )
        self.validation = Feed(bound.load("validation"), batch_size=512)
        self.module = build().to(memory_format=torch.channels_last)
        self.optimizer = make_optimizer(self.module.parameters(), config)

    def whole(self) -> float:
        """Seconds of all epochs at the speed of this moment."""
        for side in self.sides:
            self.side = side
            train = itertools.islice(self.feed.shuffled(seed=0, epoch=1), BATCHES["ours"])
            self.epoch[side] = self.feed.steps * seconds_a_batch(self.module, train, self.optimizer)
        look = seconds_a_batch(self.module, itertools.islice(self.validation.in_order(), BATCHES["validation"]), None)
        training = sum(epochs * self.epoch[side] for side, epochs in self.sides.items())
        return training + self.sides.total() * self.validation.steps * look

    def each(self) -> str:
        """How many epochs of each size of pictures there are, and what one took."""
        return ", ".join(
            f"{epochs} x {self.epoch[side]:.0f} s at {side * SIDE:.0f}" for side, epochs in self.sides.items()
        )


def main() -> None:
    """Measure in turns, print each round and the median."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, help="instead of the recipe's")
    parser.add_argument("--small-first", type=float, help="instead of the recipe's")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    tutorial, ours = (
        Tutorial(arguments.folder),
        Ours(arguments.folder, epochs=arguments.epochs, small_first=arguments.small_first),
    )
    print(f"{machine_kind()}; {arguments.threads} threads; torch {torch.__version__}")
    ratios = []
    for number in range(1, arguments.rounds + 1):
        first, mine, second = tutorial.whole(), ours.whole(), tutorial.whole()
        theirs = (first + second) / 2
        ratios.append(mine / theirs)
        print(
            f"round {number}: tutorial, {EPOCHS} epochs {theirs:.0f} s; "
            f"ours, {ours.sides.total()} epochs {mine:.0f} s, {ours.each()}; ratio {ratios[-1]:.3f}",
            flush=True,
        )
    ratio = statistics.median(ratios)
    print(f"ratio {ratio:.3f} ({min(ratios):.3f} to {max(ratios):.3f}, n = {len(ratios)}); at most {TARGET}")
    raise SystemExit(0 if ratio <= TARGET else 1)


if __name__ == "__main__":
    main()
