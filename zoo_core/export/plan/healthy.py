"""Healthy parameters: fresh weights changed so that every part of a model shows in its outputs, and can be checked."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Collection, Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from zoo_core.torch_modules import load_state, plain_attention
from zoo_core.verification.expect.bounds import EPS, LARGEST_FLOOR

from .statistics import Passes, keeps_statistics, measure_statistics, run, tensors_in

TINY = 1e-3
"""A vector that is nowhere larger hides what it scales: layer scales begin at 1e-4 to 1e-6, some gammas at 0."""
TINY_MATRIX = 1e-2
"""A matrix whose root mean square is that part of a usual one (1 / sqrt(fan-in)) is a head that begins at zero."""
AROUND_ONE = (0.5, 1.5)
BIAS = (-0.1, 0.1)
NORM_BIAS = (0.5, 1.0)
"""For norms with statistics, which are mostly followed by a ReLU: fresh nets of them amplify each difference, rounding
too, layer by layer, the less the fewer values a ReLU cuts off. Measured against biases of -0.1 to 0.1: floors from
1.1e-4 to 5e-6 (fcn_resnet50), 5.9e-5 to 1.1e-5 (inception_v3), 4.3e-5 to 1.1e-6 (resnext50)."""
LARGEST_OUTPUT = 1e6
STRENGTHS = (1.0, 0.1, 0.01)
"""What parameters near zero are raised to, relative to 1; the smaller ones for nets that explode with the larger."""
MOST_AMPLIFIED = LARGEST_FLOOR / 2
"""A rounding error of the inputs may move the outputs by that part of their scale, or other biases are tried."""
AMPLIFIED_ROWS = 1
FEW = 16


def healthy_checkpoint(
    build: Callable[[], nn.Module],
    checkpoint: Mapping[str, Tensor],
    *,
    inputs: Mapping[str, Tensor],
    batched: bool = True,
    settle: Callable[[nn.Module], None] | None = None,
    own: Collection[str] = (),
    seed: int = 0,
    module: nn.Module | None = None,
) -> dict[str, Tensor]:
    """The checkpoint of fresh weights, made healthy: bit-equal for equal arguments, whatever else draws numbers.

    Trainable parameters that are constant or near zero are drawn anew, each from a generator seeded by its name; then
    batch statistics are measured on `inputs`, plausible rows in the order of `forward`: at least 2, better 8, in one
    batch, or one after the other where `batched` is False, for models that take one row at a time. `settle(module)`
    comes last. Where the model then amplifies rounding errors so much that float32 is none of its own reference, biases
    of linear layers and convolutions are drawn anew too, if that helps: an activation far from where it bends amplifies
    less. Frozen parameters and other buffers stay; a model without trainable parameters is not altered at all. `own`
    names what the builder brings itself, which stays as it is whatever `settle` does. `module`: one that is built
    already, and is used up.
    Raises NotVerifiedError when the model cannot be run on `inputs`.
    """
    passes = _passes(inputs, batched=batched)
    with torch.random.fork_rng(devices=[]), torch.no_grad(), plain_attention():
        module = _made(build, checkpoint, passes, seed=seed, own=own, module=module)
        if module is None:
            return dict(checkpoint)
        # What takes one row at a time is mostly a detector: boxes that change places say nothing of how errors grow.
        if batched and (amplified := _amplified(module, passes[0])) > MOST_AMPLIFIED:
            other = _made(build, checkpoint, passes, seed=seed, own=own, shifted=True)
            if other is not None and _amplified(other, passes[0]) < amplified:
                module = other
        if settle is not None:
            torch.manual_seed(seed)
            settle(module)
        healthy = {name: tensor.detach() for name, tensor in module.state_dict().items()}
        return {**healthy, **{name: tensor for name, tensor in checkpoint.items() if name in own}}


def _made(
    build: Callable[[], nn.Module],
    checkpoint: Mapping[str, Tensor],
    passes: Passes,
    *,
    seed: int,
    own: Collection[str] = (),
    shifted: bool = False,
    module: nn.Module | None = None,
) -> nn.Module | None:
    """A module with healthy parameters, in eval mode; None when it has no trainable ones. `shifted` as in `_redraw`."""
    for strength in STRENGTHS:
        torch.manual_seed(seed)
        module = build() if module is None or strength != STRENGTHS[0] else module
        load_state(module, checkpoint)
        module.eval()
        if not any(parameter.requires_grad for parameter in module.parameters()):
            return None
        raised = _redraw(module, strength=strength, seed=seed, shifted=shifted, own=own)
        if not raised and not keeps_statistics(module):
            break  # nothing to measure, and nothing that could be too large
        largest = measure_statistics(module, passes, own=own)
        if not raised or largest < LARGEST_OUTPUT:  # a NaN is not below anything
            break
    return module


def _amplified(module: nn.Module, arguments: tuple[Tensor, ...]) -> float:
    """How far the outputs move, relative to their scale, with inputs that are moved by a rounding error.

    Of a few rows, and of the output that moves most; NaN where one is not finite, or 0 everywhere.
    """
    rows = [value[:AMPLIFIED_ROWS] for value in arguments]
    moved = [
        value * (1 + EPS * _uniform(str(place), value, -1.0, 1.0, seed=0)) if value.is_floating_point() else value
        for place, value in enumerate(rows)
    ]
    # Copies: a module may work in place.
    first, second = (list(tensors_in(run(module, [value.clone() for value in each]))) for each in (rows, moved))
    if [one.shape for one in first] != [two.shape for two in second]:
        return 0.0  # it chooses rows, and what tips says nothing of how errors grow
    parts = [(two - one).abs().max() / one.abs().max() for one, two in zip(first, second, strict=True) if one.numel()]
    return float(torch.stack(parts).max()) if parts else 0.0


def _passes(inputs: Mapping[str, Tensor], *, batched: bool) -> Passes:
    if batched:
        return [tuple(inputs.values())]
    rows = len(next(iter(inputs.values())))
    return [tuple(value[row : row + 1] for value in inputs.values()) for row in range(rows)]


def _owned_parameters(module: nn.Module) -> Iterator[tuple[str, nn.Module, nn.Parameter]]:
    """Every trainable parameter once (tied ones under their first name), with the module that holds it."""
    seen: set[int] = set()
    for path, owner in module.named_modules():
        for name, parameter in owner.named_parameters(prefix=path, recurse=False):
            if id(parameter) not in seen and parameter.requires_grad and parameter.numel():
                seen.add(id(parameter))
                yield name, owner, parameter


def _redraw(module: nn.Module, *, strength: float, seed: int, shifted: bool, own: Collection[str] = ()) -> bool:
    """Draw constant and near-zero parameters anew; True when one of them was near zero, and no bias.

    `shifted`: the biases of linear layers and convolutions are drawn as those of norms, too, whatever they are.
    """
    raised = False
    for name, owner, parameter in _owned_parameters(module):
        if name in own:
            continue
        constant = parameter.numel() > 1 and _is_constant(parameter)
        if _is_bias(name):
            if shifted and _is_linear(owner):
                parameter.copy_(_uniform(name, parameter, *NORM_BIAS, seed=seed))
            elif constant or float(parameter.abs().max()) < TINY:
                low, high = NORM_BIAS if isinstance(owner, _NormBase) else BIAS
                parameter.add_(_uniform(name, parameter, low, high, seed=seed))
        elif _is_near_zero(parameter, owner):
            raised = True
            parameter.copy_(strength * _in_place_of_zero(name, owner, parameter, seed=seed))
        elif constant:
            parameter.mul_(_uniform(name, parameter, *AROUND_ONE, seed=seed))
    return raised


def _is_constant(parameter: Tensor) -> bool:
    """A few numbers tell it of most."""
    flat = parameter.reshape(-1)
    return bool((flat[:FEW] == flat[0]).all()) and bool((flat == flat[0]).all())


def _in_place_of_zero(name: str, owner: nn.Module, parameter: Tensor, *, seed: int) -> Tensor:
    if _is_matrix(parameter, owner):
        limit = math.sqrt(3 / _fan_in(parameter, owner))
        return _uniform(name, parameter, -limit, limit, seed=seed)
    drawn = _uniform(name, parameter, *AROUND_ONE, seed=seed)
    if bool(parameter.any()):
        return drawn * torch.where(parameter < 0, -1.0, 1.0)
    if _is_norm(owner):
        return drawn
    # A gamma is positive; another vector of zeros may be a gate or a token, and tokens have both signs.
    return drawn * _uniform(f"{name}/sign", parameter, -1.0, 1.0, seed=seed).sign()


def _uniform(name: str, parameter: Tensor, low: float, high: float, *, seed: int) -> Tensor:
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
    return torch.rand(parameter.shape, generator=generator) * (high - low) + low


def _is_bias(name: str) -> bool:
    last = name.rpartition(".")[2].lower()
    return "bias" in last or last == "beta"


def _is_norm(owner: nn.Module) -> bool:
    return isinstance(owner, _NormBase | nn.LayerNorm | nn.GroupNorm | nn.RMSNorm)


def _is_linear(owner: nn.Module) -> bool:
    return isinstance(owner, nn.Linear | _ConvNd)


def _is_matrix(parameter: Tensor, owner: nn.Module) -> bool:
    """Whether it mixes values; a vector, of the shape (C,) or (C, 1, 1), scales each of them."""
    return parameter.ndim > 1 and (_is_linear(owner) or parameter[0].numel() > 1)


def _is_near_zero(parameter: Tensor, owner: nn.Module) -> bool:
    if not _is_matrix(parameter, owner):
        return float(parameter.abs().max()) < TINY
    usual = 1 / math.sqrt(_fan_in(parameter, owner))
    return float(parameter.square().mean().sqrt()) < TINY_MATRIX * usual


def _fan_in(parameter: Tensor, owner: nn.Module) -> float:
    """How many values are summed up for one output."""
    if isinstance(owner, _ConvTransposeNd):
        return max(1.0, parameter.numel() / parameter.shape[1] / owner.groups / math.prod(owner.stride))
    if parameter.shape[0] == 1 and not _is_linear(owner):
        return parameter.shape[-1]  # a token, or embeddings of positions: nothing is summed but the features
    return parameter[0].numel()
