"""Which modules can be exported at all: their weights are dense numbers of full precision."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from zoo_core.errors import NotVerifiedError
from zoo_core.records import counted


def require_dense_weights(module: nn.Module, *, model: str) -> None:
    """Raises NotVerifiedError for a module whose state dictionary is not of plain tensors that hold their numbers."""
    state = module.state_dict()
    if not isinstance(state, Mapping):
        raise NotVerifiedError(f"{model}: its state_dict() gives a {type(state).__name__}, not tensors by name")
    if dotted := [name for part in module.modules() for name, _ in part.named_parameters(recurse=False) if "." in name]:
        raise NotVerifiedError(
            f"{model}: the name of the parameter {dotted[0]!r} has a dot, as only paths of modules do"
        )
    for name, tensor in (*state.items(), *module.named_parameters(), *module.named_buffers()):
        if kind := _unusual(tensor):
            raise NotVerifiedError(
                f"{model}: {name} is {kind}: only dense tensors with values can be checked and exported",
                hint="let the builder return a plain float32 module on the CPU",
            )


def _unusual(tensor: object) -> str:
    if not isinstance(tensor, Tensor):
        return f"a {type(tensor).__name__} and no tensor, as in quantised modules and extra state"
    if tensor.is_meta:
        return "on the meta device"
    if tensor.is_quantized:
        return "quantised"
    if tensor.layout is not torch.strided:
        return "sparse"
    return ""


def require_full_precision(module: nn.Module) -> None:
    """Raises NotVerifiedError for weights with a rounding noise of their own, which no bound of the check knows."""
    for kinds, told in (
        ((torch.float16, torch.bfloat16), "half precision"),
        ((torch.complex32, torch.complex64, torch.complex128), "complex weights"),
    ):
        found = [name for name, each in module.named_parameters() if each.dtype in kinds]
        if found:
            kind = str(module.get_parameter(found[0]).dtype).removeprefix("torch.")
            raise NotVerifiedError(
                f"{counted(len(found), 'parameter')} {'is' if len(found) == 1 else 'are'} {kind}, "
                f"{found[0]} among them: {told} cannot be proved equal yet",
                hint="let the builder return a float32 module",
            )
