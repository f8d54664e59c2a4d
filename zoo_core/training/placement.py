"""Where tensors live and where randomness comes from: the only place that knows devices, memory and seeds."""

from __future__ import annotations

import ctypes
import hashlib
import random
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from zoo_core.errors import UsageError, ZooError

from .choices import AUTO

_ACCELERATORS = ("cuda", "mps")


def pick_device(text: str) -> torch.device:
    """The device called `text` ("cpu", "cuda", "cuda:1", "mps"); for "auto" cuda, else mps, else cpu.

    Raises UsageError when there is no such kind of device, ZooError when this machine has none.
    """
    if text == AUTO:
        return next(filter(None, map(_usable, _ACCELERATORS)), torch.device("cpu"))
    try:
        device = torch.device(text)
    except RuntimeError:
        raise UsageError(f"unknown device {text!r}", hint="auto, cpu, cuda, cuda:1, mps") from None
    if device.type == "cpu":
        return device
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ZooError(f"device {text!r} cannot be used here: {reason}", hint="--device cpu") from None
    return device


def _usable(kind: str) -> torch.device | None:
    """The device of that kind, where this machine has one that works."""
    try:
        return pick_device(kind)
    except ZooError:
        return None


_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # malloc.h of glibc
_NEVER = 2**31 - 1


def keep_memory() -> None:
    """Let freed blocks stay with this process, for the next batch to use.

    glibc gives every large block back to the system when it is freed, and each batch pays for the same pages again: up
    to a third of the time of a step on a CPU (`benchmarks/training_step.py`). Other systems are left as they are.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, _NEVER)


def derive_seed(seed: int, *words: int | str) -> int:
    """A seed of 63 bits that depends on `seed` and on every word, the same on every machine."""
    text = ":".join(str(part) for part in (seed, *words))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def seed_everything(seed: int) -> None:
    """Seed torch (every device), numpy's and Python's global generators."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)


def generator_states(device: torch.device | str) -> dict[str, Any]:
    """Where the generators of `seed_everything` stand, that of `device` among them, as plain values."""
    kind, numbers, position, has_gauss, gauss = np.random.get_state()
    states: dict[str, Any] = {
        "torch": torch.get_rng_state(),
        "numpy": (kind, numbers, position, has_gauss, gauss),
        "python": random.getstate(),
    }
    device = torch.device(device)
    if device.type == "cuda":
        states["device"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        states["device"] = torch.mps.get_rng_state()
    return states


def restore_generators(states: Mapping[str, Any], device: torch.device | str) -> None:
    """Go on drawing where `generator_states` was called."""
    torch.set_rng_state(states["torch"])
    np.random.set_state(states["numpy"])
    random.setstate(states["python"])
    device = torch.device(device)
    if device.type == "cuda":
        torch.cuda.set_rng_state(states["device"], device)
    elif device.type == "mps":
        torch.mps.set_rng_state(states["device"])
