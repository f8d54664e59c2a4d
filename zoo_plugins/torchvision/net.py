"""Torchvision's detectors: how they are built, and how they are cut into stages."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN

from zoo_core import Stage

from .detector_net import build_detector, losses
from .one_stage_net import one_stage
from .two_stage_net import two_stages

__all__ = ["build_detector", "detector_stages", "losses"]


def detector_stages(module: nn.Module) -> Sequence[Stage]:
    """The forward of a detector in eval mode, part by part, for a batch of one picture."""
    return two_stages(module) if isinstance(module, GeneralizedRCNN) else one_stage(module)
