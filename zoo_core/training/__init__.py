"""Training, for trainers of any plugin: the job, the feed, the loop, losses, schedules, and runs on the disk.

What needs torch is loaded when it is first asked for, so that runs can be listed and drawn without it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .choices import choose_augmentations, choose_losses
from .directory import RunDirectory
from .epoch_rows import best_row
from .extras import need_torch
from .job import TrainJob
from .run import Run, load_run
from .schedules import Schedule

if TYPE_CHECKING:
    from .augment import Augment
    from .checkpoint import copy_state, load_strictly, read_tensors, save_tensors
    from .evaluation import evaluate
    from .feed import Feed
    from .loop import Loop
    from .losses import Loss, loss_for
    from .muon import Muon
    from .normalize import normalize_tensor
    from .placement import derive_seed, pick_device, seed_everything
    from .state import TrainState
    from .trial import try_batch

_WITH_TORCH = {
    "Augment": "augment",
    "Feed": "feed",
    "Loop": "loop",
    "Loss": "losses",
    "Muon": "muon",
    "TrainState": "state",
    "copy_state": "checkpoint",
    "derive_seed": "placement",
    "evaluate": "evaluation",
    "load_strictly": "checkpoint",
    "loss_for": "losses",
    "normalize_tensor": "normalize",
    "pick_device": "placement",
    "read_tensors": "checkpoint",
    "save_tensors": "checkpoint",
    "seed_everything": "placement",
    "try_batch": "trial",
}

__all__ = [
    "Augment",
    "Feed",
    "Loop",
    "Loss",
    "Muon",
    "Run",
    "RunDirectory",
    "Schedule",
    "TrainJob",
    "TrainState",
    "best_row",
    "choose_augmentations",
    "choose_losses",
    "copy_state",
    "derive_seed",
    "evaluate",
    "load_run",
    "load_strictly",
    "loss_for",
    "normalize_tensor",
    "pick_device",
    "read_tensors",
    "save_tensors",
    "seed_everything",
    "try_batch",
]


def __getattr__(name: str) -> Any:
    if name not in _WITH_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    need_torch("training")
    return getattr(importlib.import_module(f"{__name__}.{_WITH_TORCH[name]}"), name)
