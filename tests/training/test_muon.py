"""The Muon optimizer: matrices take orthogonal steps, vectors those of AdamW."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from zoo_core.training import Muon

LR = 0.01


def stepped(values: torch.Tensor, gradient: torch.Tensor, *, weight_decay: float = 0.0) -> torch.Tensor:
    """Where a parameter is after one step along a gradient."""
    return walked(values, [gradient], lambda parameter: Muon([parameter], lr=LR, weight_decay=weight_decay))


def walked(
    values: torch.Tensor, gradients: list[torch.Tensor], choose: Callable[[nn.Parameter], torch.optim.Optimizer]
) -> torch.Tensor:
    """Where a parameter is after one step along each gradient, by an optimizer of this choice."""
    parameter = nn.Parameter(values.clone())
    optimizer = choose(parameter)
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimizer.step()
    return parameter.detach()


@pytest.mark.parametrize("shape", [(8, 40), (40, 8), (16, 16), (12, 4, 3, 3)])
def test_a_matrix_moves_by_the_same_amount_in_every_direction(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    gradient = torch.randn(shape) * torch.logspace(-2, 2, shape[0]).reshape(-1, *[1] * (len(shape) - 1))
    moved = -stepped(torch.zeros(shape), gradient).flatten(1) / LR
    values = torch.linalg.svdvals(moved) / (0.2 * max(moved.shape) ** 0.5)
    steep = torch.linalg.svdvals(gradient.flatten(1))
    assert steep.max() > 10 * steep.min()
    assert values.max() < 1.3
    assert values[: len(values) // 2].min() > 0.6
    assert (moved * gradient.flatten(1)).sum() > 0, "the step goes uphill"


def test_the_size_of_the_gradient_does_not_matter() -> None:
    torch.manual_seed(0)
    gradient = torch.randn(6, 10)
    small, large = (stepped(torch.zeros(6, 10), gradient * size) for size in (1e-3, 1e3))
    assert torch.allclose(small, large, rtol=1e-3, atol=1e-6)


def test_a_gradient_of_zeros_moves_nothing() -> None:
    assert not stepped(torch.zeros(4, 5), torch.zeros(4, 5)).any()


def test_vectors_take_the_steps_of_adamw() -> None:
    torch.manual_seed(0)
    values, gradients = torch.randn(7), list(torch.randn(5, 7))
    ours = walked(values, gradients, lambda parameter: Muon([parameter], lr=LR, weight_decay=0.5))
    theirs = walked(
        values, gradients, lambda parameter: torch.optim.AdamW([parameter], lr=LR, betas=(0.9, 0.99), weight_decay=0.0)
    )
    assert torch.allclose(ours, theirs, atol=1e-6)


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="this PyTorch has no Muon")
@pytest.mark.parametrize("momentum", [0.5, 0.95])
def test_matrices_take_the_steps_of_pytorch(momentum: float) -> None:
    torch.manual_seed(0)
    values, gradients = torch.randn(6, 10), list(torch.randn(5, 6, 10))
    ours = walked(values, gradients, lambda p: Muon([p], lr=LR, momentum=momentum, weight_decay=0.3))
    theirs = walked(
        values,
        gradients,
        lambda p: torch.optim.Muon(
            [p], lr=LR, momentum=momentum, weight_decay=0.3, adjust_lr_fn="match_rms_adamw", eps=1e-8
        ),
    )
    # PyTorch makes its steps orthogonal in bfloat16.
    assert (ours - theirs).abs().max() < 0.03 * (theirs - values).abs().max()


def test_only_matrices_decay() -> None:
    matrix = stepped(torch.ones(3, 3), torch.zeros(3, 3), weight_decay=0.5)
    assert torch.allclose(matrix, torch.full((3, 3), 1 - LR * 0.5))
    assert torch.equal(stepped(torch.ones(3), torch.zeros(3), weight_decay=0.5), torch.ones(3))


def test_parameters_without_a_gradient_stay() -> None:
    parameter = nn.Parameter(torch.ones(3, 3))
    Muon([parameter], lr=LR).step()
    assert torch.equal(parameter.detach(), torch.ones(3, 3))


def test_a_step_gives_the_loss_of_its_closure() -> None:
    parameter = nn.Parameter(torch.ones(2, 2))
    optimizer = Muon([parameter], lr=LR)

    def closure() -> torch.Tensor:
        loss = parameter.square().sum()
        loss.backward()
        return loss

    assert optimizer.step(closure) == 4
    assert parameter.max() < 1
