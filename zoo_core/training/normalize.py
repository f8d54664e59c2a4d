"""The torch twin of `zoo_core.preprocess.normalize`: the same operations in the same order, the same bits."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from zoo_core.specs import Preprocess


def normalize_tensor(stored: Tensor, preprocess: Preprocess) -> Tensor:
    """Stored pictures (N, C, h, w), uint8, as the model's input: float32, in the layout of the recipe.

    Works on the device of `stored`. Bit-equal to `zoo_core.preprocess.normalize`.
    """
    mean, std = _constants(preprocess, stored.device)
    values = stored.to(torch.float32, memory_format=torch.contiguous_format)
    values = values.mul_(preprocess.scale).sub_(mean).div_(std)
    if preprocess.layout == "NHWC":
        return values.permute(0, 2, 3, 1).contiguous()
    return values


@functools.lru_cache(maxsize=32)
def _constants(preprocess: Preprocess, device: torch.device) -> tuple[Tensor, Tensor]:
    # Tensors, not Python numbers: on a GPU, division by a number becomes a multiplication that may lose the last bit.
    mean = torch.tensor(preprocess.mean, dtype=torch.float32, device=device).reshape(1, -1, 1, 1)
    std = torch.tensor(preprocess.std, dtype=torch.float32, device=device).reshape(1, -1, 1, 1)
    return mean, std
