"""Muon: steps of momentum whose matrices are made orthogonal first; AdamW for all that is no matrix."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
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
            matrices: dict[tuple[int, int], list[tuple[Tensor, Tensor]]] = defaultdict(list)
            for parameter in group["params"]:
                gradient = parameter.grad
                if gradient is None:
                    continue
                if parameter.ndim > 1:
                    matrices[len(parameter), parameter[0].numel()].append((parameter, gradient))
                else:
                    self._step_vector(parameter, gradient, group)
            for alike in matrices.values():
                self._step_matrices(alike, group)
        return loss

    def _step_matrices(self, moved: Sequence[tuple[Tensor, Tensor]], group: dict[str, Any]) -> None:
        """Move matrices of one shape, together: many small products cost more than a few larger ones."""
        ahead = [self._ahead(parameter, gradient, group["momentum"]) for parameter, gradient in moved]
        steps = orthogonal(torch.stack(ahead))
        scale = LIKE_ADAMW * math.sqrt(max(steps.shape[1:]))
        for (parameter, _), step in zip(moved, steps, strict=True):
            parameter.mul_(1 - group["lr"] * group["weight_decay"])
            parameter.add_(step.reshape(parameter.shape), alpha=-group["lr"] * scale)

    def _ahead(self, parameter: Tensor, gradient: Tensor, momentum: float) -> Tensor:
        """The momentum with Nesterov's look ahead, as a matrix: (rows, columns)."""
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        average = state["momentum"].lerp_(gradient, 1 - momentum)
        return gradient.lerp(average, momentum).flatten(1)

    def _step_vector(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state.update(count=0, mean=torch.zeros_like(parameter), square=torch.zeros_like(parameter))
        state["count"] += 1
        mean = state["mean"].lerp_(gradient, 1 - BETAS[0]) / (1 - BETAS[0] ** state["count"])
        square = state["square"].lerp_(gradient.square(), 1 - BETAS[1]) / (1 - BETAS[1] ** state["count"])
        parameter.addcdiv_(mean, square.sqrt_().add_(EPSILON), value=-group["lr"])


def orthogonal(matrices: Tensor) -> Tensor:
    """The nearest matrices with equal singular values, roughly: (N, rows, columns), singular values of 0.7 to 1.2.

    A matrix of zeros stays one.
    """
    first, third, fifth = QUINTIC
    tall = matrices.shape[1] > matrices.shape[2]
    wide = matrices.mT if tall else matrices
    wide = wide / (torch.linalg.matrix_norm(wide, keepdim=True) + EPSILON)
    # Every iterate is a product of the first one with powers of its Gram matrix, which is small and square: the
    # iteration is done there.
    gram = wide @ wide.mT
    one = torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
    turned = one.expand_as(gram)
    for _ in range(ROUNDS):
        factor = first * one + third * gram + fifth * gram @ gram
        turned = factor @ turned
        gram = factor @ gram @ factor
    result: Tensor = turned @ wide
    return result.mT if tall else result
