"""Where each key-point is: the peak of its map, enlarged to the size of its box, for boxes of any size at once.

Torchvision enlarges one map after the other, each to a shape that depends on the box, which no exporter can follow.
Here every map is enlarged as a product of matrices of one shape, and what lies outside its box is left out.
"""

from __future__ import annotations

import torch
from torch import Tensor

_CUBIC = -0.75  # the parameter of PyTorch's bicubic interpolation


def peaks(heatmaps: Tensor, boxes: Tensor, *, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Positions (K, P, 3) as x, y and 1, and scores (K, P), for maps (K, P, h, w) of boxes (K, 4).

    `size`: (height, width) of the picture; no box is larger.
    """
    height, width = size
    wide, high = (boxes[:, 2] - boxes[:, 0]).clamp(min=1), (boxes[:, 3] - boxes[:, 1]).clamp(min=1)
    columns, rows = wide.ceil(), high.ceil()
    across = _cubic_weights(columns, places=width, taps=int(heatmaps.shape[-1])).transpose(1, 2)
    down = _cubic_weights(rows, places=height, taps=int(heatmaps.shape[-2]))
    # Half a place less: `rows` and `columns` are whole numbers, but for the rounding of whatever computes them.
    inside = (torch.arange(height)[None, :, None] < rows[:, None, None] - 0.5) & (
        torch.arange(width)[None, None, :] < columns[:, None, None] - 0.5
    )
    positions, scores = [], []
    for point in range(int(heatmaps.shape[1])):  # one after the other: together they would take gigabytes
        enlarged = torch.where(inside, down @ heatmaps[:, point] @ across, float("-inf")).flatten(1)
        place = enlarged.argmax(dim=1)
        x = (place % width + 0.5) * (wide / columns) + boxes[:, 0]
        y = (torch.div(place, width, rounding_mode="floor") + 0.5) * (high / rows) + boxes[:, 1]
        positions.append(torch.stack((x, y, torch.ones_like(x)), dim=1))
        scores.append(enlarged.amax(dim=1))
    return torch.stack(positions, dim=1), torch.stack(scores, dim=1)


def _cubic_weights(lengths: Tensor, *, places: int, taps: int) -> Tensor:
    """(K, places, taps): what bicubic interpolation from `taps` values to `lengths[k]` takes from each of them.

    Rows from `lengths[k]` on mean nothing.
    """
    source = (torch.arange(places).to(lengths.dtype) + 0.5) * (taps / lengths[:, None]) - 0.5
    first = source.floor()
    part = source - first
    # Places are compared as integers; it is -1 or more, and cutting off the fraction rounds towards zero.
    number = (first + 1.5).long() - 1
    found = torch.zeros((1, 1, taps), dtype=lengths.dtype)
    for offset, weight in zip(range(-1, 3), _cubic(part), strict=True):
        at = (number + offset).clamp(0, taps - 1)
        found = found + weight[..., None] * (at[..., None] == torch.arange(taps))
    return found


def _cubic(part: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Weights of the four neighbours of a point that lies `part` of the way from the second to the third."""

    def near(x: Tensor) -> Tensor:
        return ((_CUBIC + 2) * x - (_CUBIC + 3)) * x * x + 1

    def far(x: Tensor) -> Tensor:
        return ((_CUBIC * x - 5 * _CUBIC) * x + 8 * _CUBIC) * x - 4 * _CUBIC

    return far(part + 1), near(part), near(1 - part), far(2 - part)
