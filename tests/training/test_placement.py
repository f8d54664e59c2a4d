"""Devices and seeds."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from zoo_core import ZooError
from zoo_core.errors import UsageError
from zoo_core.training import (
    derive_seed,
    pick_device,
    seed_everything,
)


def test_unknown_and_absent_devices() -> None:
    assert pick_device("cpu").type == "cpu"
    with pytest.raises(UsageError, match="unknown device 'gpu'"):
        pick_device("gpu")
    if not torch.cuda.is_available():
        with pytest.raises(ZooError, match="device 'cuda' cannot be used here"):
            pick_device("cuda")


def test_auto_is_the_fastest_device_that_works_here() -> None:
    kinds = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    assert pick_device("auto").type == next(kind for kind, usable in kinds.items() if usable)


def test_seeds_are_derived_the_same_everywhere() -> None:
    assert derive_seed(0, 1, "order") == 672664154840940473
    assert derive_seed(0, 1, "order") != derive_seed(0, 1, "steps") != derive_seed(1, 1, "steps")
    assert 0 <= derive_seed(2**62, 10**6, "steps") < 2**63


def test_one_seed_sets_all_three_generators() -> None:
    def draw() -> tuple[float, float]:
        seed_everything(5)
        return float(torch.rand(1)), float(np.random.rand())

    assert draw() == draw()
