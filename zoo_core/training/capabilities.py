"""What this machine can compute with: half precision that is native, and a compiler."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import sysconfig
from pathlib import Path

import torch

from zoo_core.environment import usable_processors
from zoo_core.errors import UsageError, ZooError

from .training_plan import Wishes

PLANNED = ("cpu", "cuda")
"""Kinds of devices that a plan chooses for; others compute as ever."""


def native_half(device: str) -> str | None:
    """The half precision that a device multiplies in natively: bf16, on older GPUs fp16; None for none."""
    kind = torch.device(device).type
    if kind == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    if kind == "cpu" and (_cpu_has("_is_amx_tile_supported") or _cpu_has("_is_avx512_bf16_supported")):
        return "bf16"
    return None


def _cpu_has(name: str) -> bool:
    ask = getattr(torch.cpu, name, None)  # a private name of torch, which another version may not have
    return bool(ask is not None and ask())


def why_no_compiler(device: str) -> str:
    """What is missing for torch.compile on this machine, in words; empty where nothing is."""
    kind = torch.device(device).type
    if kind not in PLANNED:
        return f"not for {kind}"
    if kind == "cuda" and importlib.util.find_spec("triton") is None:
        return "no triton"
    compiler = os.environ.get("CXX") or {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    if shutil.which(compiler) is None:
        return f"no C++ compiler {compiler}"
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        return "no Python.h"
    return ""


def check_wishes(wishes: Wishes, *, device: str, own_losses: bool = False) -> None:
    """Raise ZooError, before the first step, for what this device or machine cannot do."""
    kind = torch.device(device).type
    half = wishes.precision in {"bf16", "fp16"}
    if half and kind not in PLANNED:
        raise UsageError(f"precision={wishes.precision} is for cpu and cuda, not for {kind}", hint="-t precision=fp32")
    if wishes.precision == "bf16" and kind == "cuda" and native_half(device) != "bf16":
        raise ZooError(f"precision=bf16: {device} does not compute in it", hint="-t precision=fp16, or fp32")
    if wishes.compile != "true":
        return
    if own_losses:
        raise UsageError(
            "compile=true: this model computes its losses itself, in code that is not compiled",
            hint="leave out -t compile",
        )
    if why := why_no_compiler(device):
        raise ZooError(f"compile=true needs a compiler: {why}", hint="install it, or leave out -t compile")


def settle_threads(device: str) -> int | None:
    """How many threads compute on a processor: no more than a container lets this process have, unless somebody has
    said how many. None for an accelerator."""
    if torch.device(device).type != "cpu":
        return None
    allowed = usable_processors()
    if torch.get_num_threads() > allowed and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(allowed)
    return torch.get_num_threads()
