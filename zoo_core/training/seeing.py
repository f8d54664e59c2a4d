"""A module that wants to know what is true of all training samples, before it is trained."""

from __future__ import annotations

import torch
from torch import Tensor


def show_targets(module: torch.nn.Module, targets: Tensor) -> None:
    """Let a module that has a method `see_targets` look at all training targets before the first step.

    What answers are scaled by, for example, it keeps in buffers: they belong to its weights, in a run and in a file.
    """
    see = getattr(module, "see_targets", None)
    if callable(see):
        with torch.no_grad():
            see(targets)
