"""A moving average of weights: what is measured and kept, while training goes on with the weights themselves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn


class Average:
    """The exponential moving average of everything that a module keeps: parameters and running statistics.

    A step counts `1 - decay`, the first ones more: (1 + step) / (10 + step) of the average stays until that is more
    than `decay`, so that random weights are soon forgotten. What is no float is taken as it is. `tensors`: the average
    so far, of a run that goes on.
    """

    def __init__(self, module: nn.Module, *, decay: float, tensors: Mapping[str, Tensor] | None = None) -> None:
        self._module = module
        self._decay = decay
        state = module.state_dict()
        given = tensors or state
        self.tensors = {name: given[name].detach().to(value.device).clone() for name, value in state.items()}

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Take in the weights after that step of the run, counted from 1."""
        kept = min(self._decay, (1 + step) / (10 + step))
        for name, now in self._module.state_dict().items():
            average = self.tensors[name]
            if average.is_floating_point():
                average.lerp_(now, 1 - kept)
            else:
                average.copy_(now)

    def copy(self) -> dict[str, Tensor]:
        """The average, on the CPU."""
        return {name: value.cpu().clone() for name, value in self.tensors.items()}

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """The module holds the average meanwhile."""
        own = {name: value.detach().clone() for name, value in self._module.state_dict().items()}
        self._module.load_state_dict(self.tensors)
        try:
            yield
        finally:
            self._module.load_state_dict(own)
