"""Two pictures and whether they show the same digit: a plugin with pairs as a dataset, and a net with two inputs."""

from __future__ import annotations

PAIRS = '''
"""Pairs of digits."""

from zoo_core import DatasetSpec, ModelSpec, Preprocess, TensorSpec, hookimpl

SIDES = {"left": TensorSpec("N", 1, 8, 8), "right": TensorSpec("N", 1, 8, 8)}


def pairs(root, *, split, download, count: int = 1000):
    """Every second pair is of one digit; both pictures come from the same split of the digits."""
    import numpy as np

    from zoo_core import open_zoo
    from zoo_core.data import ArraySplit, bind_dataset

    digits = bind_dataset(open_zoo().dataset("digits"), {"size": 8}).load(split)
    random = np.random.default_rng(len(digits))
    left = random.integers(0, len(digits), count)
    same = np.arange(count) % 2
    right = np.array([
        random.choice(np.flatnonzero((digits.targets == digits.targets[place]) == bool(alike)))
        for place, alike in zip(left, same)
    ])
    pixels = (digits.main / 255).astype(np.float32)
    return ArraySplit(inputs={"left": pixels[left], "right": pixels[right]}, targets=same)


def siamese(*, numbers: int = 64):
    """One net for both pictures; how far apart what it gives for them is decides."""
    import torch
    from torch import nn

    class Siamese(nn.Module):
        def __init__(self):
            super().__init__()
            self.describe = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, numbers))
            self.decide = nn.Linear(numbers, 1)

        def forward(self, left, right):
            return self.decide((self.describe(left) - self.describe(right)).abs())

    return Siamese()


@hookimpl
def zoo_models():
    yield ModelSpec(
        name="siamese", build=siamese, task="binary-classification", summary="whether two pictures show the same",
        inputs=SIDES, outputs={"logits": TensorSpec("N", 1)}, recipe={"epochs": 15, "lr": 0.004},
    )


@hookimpl
def zoo_datasets():
    yield DatasetSpec(
        name="digit-pairs", load=pairs, task="binary-classification", summary="pairs of digits, the same or not",
        inputs=SIDES, classes=("different", "same"), splits=("train", "validation", "test"),
    )
'''
