"""What the tutorial's own loop costs: Adam 0.001, batches of 100, one transform a sample, float32; seconds an epoch.

The loop of pystatsml for CIFAR-10, written as its text has it, on `resnet-cifar` and the pictures of a folder (class
folders under `train/`, as `benchmarks/tutorials.py` unpacks them into its work folder). A few epochs are enough: one
takes as long as another. The last line says what 25 of them take.

With `--beside`, `zoo train resnet-cifar` by the model's own recipe runs at the same time, in a process of its own with
as many threads, and the loop goes round until it is done: machines change their speed, and so both have the same one.
Exit code 1 when ours takes more than a quarter of the tutorial's 25 epochs, or is less accurate than the tutorial says.

    python benchmarks/tutorial_loop.py FOLDER [--epochs 2] [--threads 2]
    python benchmarks/tutorial_loop.py FOLDER --beside [--threads 1]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from zoo_core import open_zoo
from zoo_core.data import bind_dataset
from zoo_core.environment import machine_kind

EPOCHS, BATCH, HELD_OUT = 25, 100, 5000
PART, ACCURACY = 0.25, 0.8561
"""Of the tutorial's time, and the accuracy that it reports."""
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


class Pictures(Dataset):
    """Decoded pictures, transformed one by one when they are asked for, as torchvision's CIFAR10 does it."""

    def __init__(self, pixels: np.ndarray, targets: np.ndarray) -> None:
        self.pixels, self.targets = pixels, targets
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.pixels[index])), int(self.targets[index])


def loaders(folder: Path) -> dict[str, DataLoader]:
    """The two parts that `-d val_size=5000` makes."""
    bound = bind_dataset(
        open_zoo().dataset("image-folder"), {"root": str(folder), "size": "32", "val_size": str(HELD_OUT)}
    )
    found = {}
    for split in ("train", "validation"):
        samples = bound.load(split)
        pictures = Pictures(np.ascontiguousarray(samples.inputs.transpose(0, 2, 3, 1)), samples.targets)
        found[split] = DataLoader(pictures, batch_size=BATCH, shuffle=split == "train")
    return found


def one_epoch(
    module: nn.Module,
    parts: dict[str, DataLoader],
    optimizer: torch.optim.Optimizer,
    *,
    stopped: Callable[[], bool],
) -> float | None:
    """Train and validate once; the accuracy on the validation part, or None when it was stopped."""
    criterion = nn.CrossEntropyLoss()
    right = 0
    for split, loader in parts.items():
        module.train(split == "train")
        for inputs, targets in loader:
            if stopped():
                return None
            optimizer.zero_grad()
            with torch.set_grad_enabled(split == "train"):
                outputs = module(inputs)
                loss = criterion(outputs, targets)
                if split == "train":
                    loss.backward()
                    optimizer.step()
            loss.item()
            if split == "validation":
                right += int((outputs.argmax(dim=1) == targets).sum())
    return right / len(parts["validation"].dataset)  # type: ignore[arg-type]


def epochs_of_the_tutorial(
    folder: Path, *, most: int | None, stopped: Callable[[], bool] = lambda: False
) -> list[float]:
    """Seconds of so many epochs, or of all whole ones until it is stopped."""
    torch.manual_seed(0)
    parts = loaders(folder)
    module = open_zoo().model("resnet-cifar").build(in_channels=3, height=32, width=32, num_classes=10)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.001)
    seconds: list[float] = []
    while most is None or len(seconds) < most:
        started = time.perf_counter()
        accuracy = one_epoch(module, parts, optimizer, stopped=stopped)
        if accuracy is None:
            break
        seconds.append(time.perf_counter() - started)
        print(f"epoch {len(seconds)}: {seconds[-1]:.1f} s, validation accuracy {accuracy:.4f}", flush=True)
    return seconds


@contextlib.contextmanager
def own_training(folder: Path, *, threads: int) -> Iterator[subprocess.Popen[str]]:
    """`zoo train` by the model's own recipe, in a process and a folder of its own."""
    command = [sys.executable, "-m", "zoo_core", "train", "resnet-cifar", "--dataset", "image-folder"]
    command += ["-d", f"root={folder.resolve()}", "-d", "size=32", "-d", f"val_size={HELD_OUT}", "--json"]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    with tempfile.TemporaryDirectory() as place:
        child = subprocess.Popen(command, cwd=place, env=environment, stdout=subprocess.PIPE, text=True)
        try:
            yield child
        finally:
            child.kill()
            child.wait()


def beside(folder: Path, *, threads: int) -> bool:
    """Both at the same time; whether ours is quick and accurate enough."""
    with own_training(folder, threads=threads) as child:
        seconds = epochs_of_the_tutorial(folder, most=None, stopped=lambda: child.poll() is not None)
        if child.wait():
            raise SystemExit(f"zoo train ended with exit code {child.returncode}")
        ours: dict[str, Any] = json.loads(child.stdout.read() if child.stdout else "")
    total = told(seconds)
    accuracy, part = ours["validation"]["accuracy"], ours["seconds"] / total
    print(f"ours: {ours['seconds']:.0f} s, {ours['epochs']} epochs, validation accuracy {accuracy:.4f}, n = 1")
    print(f"ours / tutorial: {part:.3f} (at most {PART}); accuracy at least {ACCURACY}")
    return bool(part <= PART and accuracy >= ACCURACY)


def told(seconds: list[float]) -> float:
    """Say what all epochs of the tutorial would take, in seconds."""
    total = EPOCHS * statistics.median(seconds)
    spread = f"{min(seconds):.1f} to {max(seconds):.1f} s each, n = {len(seconds)}"
    print(f"{machine_kind()}; {torch.get_num_threads()} threads; torch {torch.__version__}")
    print(f"{EPOCHS} epochs: {total:.0f} s ({spread}); a quarter: {total / 4:.0f} s")
    return total


def main() -> None:
    """Time some epochs, and say what all of them would take."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--beside", action="store_true", help="train by the model's own recipe at the same time")
    parser.add_argument("--threads", type=int, help="default: 2; half of the processors with --beside")
    arguments = parser.parse_args()
    half = max(1, (os.cpu_count() or 2) // 2)
    threads = arguments.threads or (half if arguments.beside else 2)
    torch.set_num_threads(threads)
    if arguments.beside:
        raise SystemExit(0 if beside(arguments.folder, threads=threads) else 1)
    told(epochs_of_the_tutorial(arguments.folder, most=arguments.epochs))


if __name__ == "__main__":
    main()
