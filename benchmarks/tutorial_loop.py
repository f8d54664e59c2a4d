"""What the tutorial's own loop costs: Adam 0.001, batches of 100, one transform a sample, float32; seconds an epoch.

The loop of pystatsml for CIFAR-10, written as its text has it, on `resnet-cifar` and the pictures of a folder (class
folders under `train/`, as `benchmarks/tutorials.py` unpacks them into its work folder). A few epochs are enough: one
takes as long as another. The last line says what 25 of them take.

    python benchmarks/tutorial_loop.py FOLDER [--epochs 2] [--threads 2]
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from zoo_core import open_zoo
from zoo_core.data import BoundDataset, bind_dataset
from zoo_core.environment import machine_kind

EPOCHS, BATCH, HELD_OUT = 25, 100, 5000
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


def bind_pictures(folder: Path) -> BoundDataset:
    """The pictures of the folder, of which `-d val_size=5000` holds some out."""
    options = {"root": str(folder), "size": "32", "val_size": str(HELD_OUT)}
    return bind_dataset(open_zoo().dataset("image-folder"), options)


def loaders(folder: Path) -> dict[str, DataLoader]:
    """Its two parts, in the tutorial's batches."""
    bound = bind_pictures(folder)
    found = {}
    for split in ("train", "validation"):
        samples = bound.load(split)
        pictures = Pictures(np.ascontiguousarray(samples.inputs.transpose(0, 2, 3, 1)), samples.targets)
        found[split] = DataLoader(pictures, batch_size=BATCH, shuffle=split == "train")
    return found


def one_epoch(module: nn.Module, parts: dict[str, DataLoader], optimizer: torch.optim.Optimizer) -> float:
    """Train and validate once; the accuracy on the validation part."""
    criterion = nn.CrossEntropyLoss()
    right = 0
    for split, loader in parts.items():
        module.train(split == "train")
        for inputs, targets in loader:
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


def main() -> None:
    """Time some epochs, and say what all of them would take."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    parts = loaders(arguments.folder)
    module = open_zoo().model("resnet-cifar").build(in_channels=3, height=32, width=32, num_classes=10)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.001)
    seconds = []
    for number in range(1, arguments.epochs + 1):
        started = time.perf_counter()
        accuracy = one_epoch(module, parts, optimizer)
        seconds.append(time.perf_counter() - started)
        print(f"epoch {number}: {seconds[-1]:.1f} s, validation accuracy {accuracy:.4f}", flush=True)
    total = EPOCHS * statistics.median(seconds)
    print(f"{machine_kind()}; {arguments.threads} threads; torch {torch.__version__}")
    spread = f"{min(seconds):.1f} to {max(seconds):.1f} s each, n = {len(seconds)}"
    print(f"{EPOCHS} epochs: {total:.0f} s ({spread}); a quarter: {total / 4:.0f} s")


if __name__ == "__main__":
    main()
