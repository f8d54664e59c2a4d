"""Key-points as the peaks of their maps: as torchvision finds them, and whatever way each operation rounds."""

from __future__ import annotations

import pytest
import torch
from torchvision.models.detection.roi_heads import heatmaps_to_keypoints

from zoo_core.export.reference.staged import RandomRounding
from zoo_plugins.torchvision.keypoints_net import peaks

SIZE = (96, 128)


def maps_and_boxes(*, count: int = 6, points: int = 5, side: int = 56) -> tuple[torch.Tensor, torch.Tensor]:
    """Maps of noise, and boxes in a picture of SIZE: one nearly all of it, one less than a pixel wide.

    None has a side of whole pixels: there a rounding error makes it a pixel more, and PyTorch has other peaks, too.
    """
    generator = torch.Generator().manual_seed(0)
    heatmaps = torch.randn((count, points, side, side), generator=generator)
    low = torch.rand((count, 2), generator=generator) * torch.tensor([90.0, 60.0])
    high = low + 1 + torch.rand((count, 2), generator=generator) * 35
    boxes = torch.cat((low, high), dim=1)
    boxes[0] = torch.tensor([0.3, 0.0, 127.9, 95.4])
    boxes[1] = torch.tensor([5.0, 5.0, 5.4, 30.3])
    return heatmaps, boxes


def test_peaks_are_those_of_torchvision() -> None:
    heatmaps, boxes = maps_and_boxes()
    expected, scores = heatmaps_to_keypoints(heatmaps, boxes)
    found, found_scores = peaks(heatmaps, boxes, size=SIZE)
    assert torch.allclose(found, expected, atol=1e-3)
    assert torch.allclose(found_scores, scores, atol=1e-4)


@pytest.mark.parametrize("trial", range(6))
def test_no_rounding_moves_a_peak(trial: int) -> None:
    heatmaps, boxes = maps_and_boxes()
    exact, exact_scores = peaks(heatmaps.double(), boxes.double(), size=SIZE)
    with RandomRounding(trial):
        found, scores = peaks(heatmaps, boxes, size=SIZE)
    assert torch.allclose(found.double(), exact, atol=1e-3)
    assert torch.allclose(scores.double(), exact_scores, atol=1e-4)
