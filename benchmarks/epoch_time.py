"""The time of an epoch of LeNet-5 on an MNIST-sized set in memory, in three ways, taken in turns.

- ours: `zoo_core.training.Loop`, the whole epoch (shuffle, train, train metrics, validation, checkpoint);
- bare: a plain loop over preloaded float tensors with the same batches, and its validation;
- tutorial: per-sample torchvision transforms in a DataLoader, and its validation.

Each round runs one epoch of each, so that a busy machine hits all three alike; the ratios are medians over the
rounds of each round's own ratio. Pictures are synthetic (their content does not matter to the time).

    python benchmarks/epoch_time.py [--rounds 7] [--samples 60000]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
import torchvision
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from zoo_core import EpochRow, Preprocess, open_zoo
from zoo_core.data import Samples
from zoo_core.environment import machine_kind
from zoo_core.tasks import get_task
from zoo_core.training import Feed, Loop, RunDirectory, TrainJob, loss_for

BATCH, VALIDATION = 64, 10_000
MEAN, STD = 0.1307, 0.3081
TARGETS = {"ours / bare": 1.05, "ours / tutorial": 0.7}


def pictures(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Random uint8 pictures, (count, 1, 28, 28), and labels."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 10, count)
    return generator.integers(0, 256, (count, 1, 28, 28), dtype=np.uint8), labels.astype(np.int64)


def model_and_optimizer() -> tuple[nn.Module, torch.optim.Optimizer]:
    """The tutorial's: LeNet-5, SGD 0.01, momentum 0.5."""
    torch.manual_seed(0)
    module = open_zoo().model("lenet5").build()
    return module, torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.5)


def ours(train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray], folder: Path) -> Iterator[float]:
    """Seconds of each further epoch of the zoo's own loop, with its checkpoint."""
    preprocess = Preprocess(color="L", mean=(MEAN,), std=(STD,))
    samples = [
        Samples(
            inputs={"image": inputs},
            targets=targets,
            form="classes",
            classes=(),
            recipes={"image": preprocess},
            fingerprint="",
        )
        for inputs, targets in (train, test)
    ]
    module, optimizer = model_and_optimizer()
    job = TrainJob(
        module=module,
        train=samples[0],
        validation=samples[1],
        task=get_task("image-classification"),
        outputs=("logits",),
        config=None,
        epochs=1000,
        seed=0,
        run=RunDirectory(folder),
    )
    loop = Loop(
        job,
        optimizer=optimizer,
        loss=loss_for("image-classification"),
        learning_rate=lambda step: 0.01,
        feed=Feed(samples[0], batch_size=BATCH),
    )
    number = 0
    while True:
        number += 1
        started = time.perf_counter()
        row: EpochRow = loop.epoch(number)
        loop.keep(row)
        yield time.perf_counter() - started


def bare(train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]) -> Iterator[float]:
    """Seconds of each further epoch of a loop with nothing in it but the work."""

    def ready(arrays: tuple[np.ndarray, np.ndarray]) -> tuple[Tensor, Tensor]:
        inputs = torch.from_numpy(arrays[0]).float().mul_(1 / 255).sub_(MEAN).div_(STD)
        return inputs, torch.from_numpy(arrays[1])

    (inputs, targets), (test_inputs, test_targets) = ready(train), ready(test)
    module, optimizer = model_and_optimizer()
    criterion = nn.CrossEntropyLoss()
    while True:
        started = time.perf_counter()
        module.train()
        for chosen in torch.randperm(len(inputs)).split(BATCH):
            optimizer.zero_grad()
            criterion(module(inputs[chosen]), targets[chosen]).backward()
            optimizer.step()
        module.eval()
        right = 0
        with torch.no_grad():
            for start in range(0, len(test_inputs), 256):
                logits = module(test_inputs[start : start + 256])
                right += int((logits.argmax(1) == test_targets[start : start + 256]).sum())
        yield time.perf_counter() - started


class Pictures(Dataset[tuple[Tensor, int]]):
    """What torchvision's MNIST does for each sample: array to picture, picture to tensor, normalise."""

    def __init__(self, arrays: tuple[np.ndarray, np.ndarray]) -> None:
        self.data, self.targets = torch.from_numpy(arrays[0][:, 0]), torch.from_numpy(arrays[1])
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((MEAN,), (STD,))])

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.data[index].numpy())), int(self.targets[index])


def tutorial(train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]) -> Iterator[float]:
    """Seconds of each further epoch of the tutorial's loop: both phases, running loss and running corrects."""
    loaders = {
        "train": DataLoader(Pictures(train), batch_size=BATCH, shuffle=True),
        "val": DataLoader(Pictures(test), batch_size=10_000),
    }
    module, optimizer = model_and_optimizer()
    criterion = nn.CrossEntropyLoss()
    while True:
        started = time.perf_counter()
        for phase, loader in loaders.items():
            module.train(phase == "train")
            loss_sum, right = 0.0, 0
            for inputs, labels in loader:
                optimizer.zero_grad()
                with torch.set_grad_enabled(phase == "train"):
                    outputs = module(inputs)
                    loss = criterion(outputs, labels)
                    if phase == "train":
                        loss.backward()
                        optimizer.step()
                loss_sum += loss.item() * len(inputs)
                right += int((outputs.argmax(1) == labels).sum())
        yield time.perf_counter() - started


def measure(rounds: int, samples: int) -> dict[str, list[float]]:
    """Seconds by name, one of each in every round; the first round warms up and is not counted."""
    train, test = pictures(samples, 1), pictures(VALIDATION, 2)
    with tempfile.TemporaryDirectory() as folder:
        ways: dict[str, Iterator[float]] = {
            "ours": ours(train, test, Path(folder)),
            "bare": bare(train, test),
            "tutorial": tutorial(train, test),
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(rounds + 1):
            names = list(ways) if number % 2 else list(reversed(ways))
            for name in names:
                taken = next(ways[name])
                if number:
                    seconds[name].append(taken)
            show = "  ".join(f"{name} {values[-1]:.2f} s" for name, values in seconds.items() if values)
            print(f"round {number}/{rounds}  {show or 'warm-up'}", file=sys.stderr, flush=True)
    return seconds


def report(seconds: dict[str, list[float]], say: Callable[[str], None]) -> bool:
    """Print medians, spreads and ratios; whether the targets hold."""
    for name, values in seconds.items():
        say(f"{name:9} median {statistics.median(values):6.2f} s  from {min(values):.2f} to {max(values):.2f}")
    held = True
    for name, target in TARGETS.items():
        over, under = name.split(" / ")
        ratios = [a / b for a, b in zip(seconds[over], seconds[under], strict=True)]
        ratio = statistics.median(ratios)
        held &= ratio <= target
        say(f"{name:16} {ratio:.3f}  from {min(ratios):.3f} to {max(ratios):.3f}  (target: at most {target})")
    return held


def main() -> None:
    """Measure, print, and end with 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--samples", type=int, default=60_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    seconds = measure(arguments.rounds, arguments.samples)
    if arguments.json:
        print(json.dumps(seconds))
        return
    versions = f"torch {torch.__version__}, torchvision {torchvision.__version__}, numpy {np.__version__}"
    print(f"LeNet-5, {arguments.samples} + {VALIDATION} pictures 28x28, batch {BATCH}, n = {arguments.rounds} rounds")
    print(f"{machine_kind()}, {torch.get_num_threads()} torch threads, Python {sys.version.split()[0]}, {versions}")
    sys.exit(0 if report(seconds, print) else 1)


if __name__ == "__main__":
    main()
