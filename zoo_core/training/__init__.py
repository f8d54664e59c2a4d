"""Training, for trainers of any plugin: the job, the feed, the loop, losses, schedules, and runs on the disk.

Open `loop.py` first, then `job.py` (what a trainer is given) and `directory.py` (what a run is on the disk). What
needs torch is loaded when it is first asked for, so that runs can be listed and drawn without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo_core.lazy import lazy_names

if TYPE_CHECKING:
    from zoo_core.torch_modules import named_outputs

    from .augment import Augment
    from .cadence import Cadence, read_cadence
    from .capabilities import check_wishes
    from .checkpoint import copy_state, load_strictly, read_tensors, save_tensors
    from .choices import choose_augmentations, choose_class_weights
    from .differing import differing_settings
    from .directory import RunDirectory
    from .epoch_rows import best_row
    from .evaluation import evaluate, evaluation_batch
    from .extras import need_torch
    from .feed import Feed
    from .groups import parameter_groups
    from .job import TrainJob
    from .loop import Loop
    from .losses import loss_for
    from .mixing import Mix
    from .muon import Muon
    from .normalize import normalize_tensor
    from .placement import derive_seed, pick_device, seed_everything
    from .run import Run, load_run
    from .sample_losses import SampleLosses, class_weights
    from .sampling import Sampler, balanced
    from .schedules import Plateau, Schedule
    from .state import TrainState
    from .trainer_options import DEFAULT_TRAINER
    from .training_plan import TrainingPlan, Wishes
    from .trial import try_batch, try_sample_losses

__all__ = [
    "DEFAULT_TRAINER",
    "Augment",
    "Cadence",
    "Feed",
    "Loop",
    "Mix",
    "Muon",
    "Plateau",
    "Run",
    "RunDirectory",
    "SampleLosses",
    "Sampler",
    "Schedule",
    "TrainJob",
    "TrainState",
    "TrainingPlan",
    "Wishes",
    "balanced",
    "best_row",
    "check_wishes",
    "choose_augmentations",
    "choose_class_weights",
    "class_weights",
    "copy_state",
    "derive_seed",
    "differing_settings",
    "evaluate",
    "evaluation_batch",
    "load_run",
    "load_strictly",
    "loss_for",
    "named_outputs",
    "need_torch",
    "normalize_tensor",
    "parameter_groups",
    "pick_device",
    "read_cadence",
    "read_tensors",
    "save_tensors",
    "seed_everything",
    "try_batch",
    "try_sample_losses",
]

_LIGHT = {
    ".cadence": (
        "Cadence",
        "read_cadence",
    ),
    ".choices": (
        "choose_augmentations",
        "choose_class_weights",
    ),
    ".differing": ("differing_settings",),
    ".directory": ("RunDirectory",),
    ".epoch_rows": ("best_row",),
    ".extras": ("need_torch",),
    ".job": ("TrainJob",),
    ".training_plan": (
        "TrainingPlan",
        "Wishes",
    ),
    ".run": (
        "Run",
        "load_run",
    ),
    ".schedules": (
        "Plateau",
        "Schedule",
    ),
    ".trainer_options": ("DEFAULT_TRAINER",),
}
_WITH_TORCH = {
    "zoo_core.torch_modules": ("named_outputs",),
    ".augment": ("Augment",),
    ".capabilities": ("check_wishes",),
    ".checkpoint": (
        "copy_state",
        "load_strictly",
        "read_tensors",
        "save_tensors",
    ),
    ".evaluation": (
        "evaluate",
        "evaluation_batch",
    ),
    ".feed": ("Feed",),
    ".loop": ("Loop",),
    ".losses": ("loss_for",),
    ".mixing": ("Mix",),
    ".muon": ("Muon",),
    ".groups": ("parameter_groups",),
    ".normalize": ("normalize_tensor",),
    ".placement": (
        "derive_seed",
        "pick_device",
        "seed_everything",
    ),
    ".sample_losses": (
        "SampleLosses",
        "class_weights",
    ),
    ".sampling": (
        "Sampler",
        "balanced",
    ),
    ".state": ("TrainState",),
    ".trial": (
        "try_batch",
        "try_sample_losses",
    ),
}

_load, __dir__ = lazy_names(__name__, {**_LIGHT, **_WITH_TORCH})


def __getattr__(name: str) -> Any:
    if any(name in names for names in _WITH_TORCH.values()):
        from .extras import need_torch

        need_torch("training")
    return _load(name)
