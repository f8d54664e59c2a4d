"""Muon: steps of momentum whose matrices are made orthogonal first; AdamW for all that is no matrix."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

ROUNDS = 5
"""Newton-Schulz iterations; more make the singular values no more equal than a step needs."""
QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients that raise small singular values fastest; all end between 0.7 and 1.2."""
LIKE_ADAMW = 0.2
"""The usual root mean square of a step of AdamW: steps of both kinds are alike, and one learning rate suits both."""
BETAS = (0.9, 0.99)
EPSILON = 1e-8


class Muon(torch.optim.Optimizer):
    """Matrices, and filter banks as matrices (out, in * rows * columns), move by orthogonal steps; vectors by AdamW.

    `weight_decay` is decoupled from the gradient, and only matrices decay. Source: Jordan et al., "Muon: an optimizer
    for hidden layers in neural networks", 2024; steps scaled as in Liu et al., "Muon is scalable for LLM training",
    2025. PyTorch's own Muon takes matrices only, and is what the tests compare the steps of matrices with.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], *, lr: float, momentum: float = 0.9, weight_decay: float = 0.1
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    move = self._step_matrix if parameter.ndim > 1 else self._step_vector
                    move(parameter, parameter.grad, group)
        return loss

    def _step_matrix(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        average = state["momentum"].lerp_(gradient, 1 - group["momentum"])
        ahead = gradient.lerp(average, group["momentum"])  # Nesterov's look ahead
        matrix = ahead.flatten(1)
        step = orthogonal(matrix).mul_(LIKE_ADAMW * math.sqrt(max(matrix.shape)))
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.add_(step.reshape(parameter.shape), alpha=-group["lr"])

    def _step_vector(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state.update(count=0, mean=torch.zeros_like(parameter), square=torch.zeros_like(parameter))
        state["count"] += 1
        mean = state["mean"].lerp_(gradient, 1 - BETAS[0]) / (1 - BETAS[0] ** state["count"])
        square = state["square"].lerp_(gradient.square(), 1 - BETAS[1]) / (1 - BETAS[1] ** state["count"])
        parameter.addcdiv_(mean, square.sqrt_().add_(EPSILON), value=-group["lr"])


def orthogonal(matrix: Tensor) -> Tensor:
    """The nearest matrix with equal singular values, roughly: (rows, columns), singular values of 0.7 to 1.2.

    A matrix of zeros stays one.
    """
    first, third, fifth = QUINTIC
    wide = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    wide = wide / (torch.linalg.matrix_norm(wide) + EPSILON)
    for _ in range(ROUNDS):
        square = wide @ wide.T
        wide = first * wide + (third * square + fifth * square @ square) @ wide
    result: Tensor = wide.T if matrix.shape[0] > matrix.shape[1] else wide
    return result
