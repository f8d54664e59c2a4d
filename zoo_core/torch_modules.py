"""A PyTorch module as the zoo runs it, in training and in exports alike: its weights, its mode, its outputs by name."""

from __future__ import annotations

import contextlib
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from zoo_core.errors import FailedForwardError, NotVerifiedError, Terminated, ZooError, in_words
from zoo_core.plugin_faults import ModelFaultError, plugin_line

Read = Callable[[Any], Any]
"""A model's `read_outputs`: what of the things that its `forward` returns are the declared outputs."""


def called(module: nn.Module, inputs: Tensor | Mapping[str, Tensor]) -> Any:
    """What a module returns for the tensor of its only input, or for tensors by name, in the order of its inputs."""
    return module(*inputs.values()) if isinstance(inputs, Mapping) else module(inputs)


def named_outputs(result: Any, names: Sequence[str], read: Read | None = None) -> dict[str, Tensor]:
    """What a module returned, by the names that its spec declares, in order: a mapping by its own names, a tensor or a
    sequence by place. `read` comes first, where the spec has it.

    Raises ZooError when a name is missing in a mapping, and when there are more or fewer outputs than names.
    """
    if read is not None:
        result = read(result)
    if isinstance(result, Mapping):
        if missing := [name for name in names if name not in result]:
            raise ModelFaultError(
                f"the model gives no output {', '.join(missing)}, only {', '.join(map(str, result))}",
                hint="the names in its spec's outputs are those that it returns",
            )
        values = [result[name] for name in names]
    else:
        values = list(result) if isinstance(result, list | tuple) else [result]
    if len(values) != len(names) or not all(isinstance(value, Tensor) for value in values):
        kinds = ", ".join(type(value).__name__ for value in values)
        raise ModelFaultError(
            f"the model declares the outputs {', '.join(names)} but returned {len(values)}: {kinds}",
            hint="outputs are tensors; read_outputs of the spec picks them from what is returned with them",
        )
    for name, value in zip(names, values, strict=True):
        if value.layout is not torch.strided or value.is_meta:
            kind = "on the meta device" if value.is_meta else "sparse"
            raise ModelFaultError(f"the model gives {name} as a tensor that is {kind}, not dense numbers")
    return dict(zip(names, values, strict=True))


def load_state(module: nn.Module, checkpoint: Mapping[str, Tensor]) -> None:
    """Load a state dictionary in place: every tensor has its place and its shape, and none is left over.

    Raises ZooError that says what does not fit.
    """
    tensors = OrderedDict(checkpoint)
    own = module.state_dict()
    # Modules ask for the version of the layout that the tensors have (MNASNet refuses to load without), which a file
    # of tensors cannot say. Where the names are the module's own, it is the module's own version.
    metadata = getattr(checkpoint, "_metadata", None)
    if metadata is None and set(own) == set(tensors):
        metadata = getattr(own, "_metadata", None)
    if metadata is not None:
        tensors._metadata = metadata  # type: ignore[attr-defined]
    try:
        module.load_state_dict(tensors, strict=True)
    except (RuntimeError, ValueError) as error:
        raise ZooError(f"the weights do not fit the model: {str(error).strip()}") from error


def fresh_module(build: Callable[[], nn.Module], checkpoint: Mapping[str, Tensor]) -> nn.Module:
    """A newly built module with the checkpoint's tensors, loaded strictly, every submodule in eval mode."""
    module = build()
    try:
        load_state(module, checkpoint)
    except ZooError as error:
        raise NotVerifiedError(f"a second build is another model: {error.message}", hint=error.hint) from error
    module.eval()
    training = [name or "the model itself" for name, part in module.named_modules() if part.training]
    if training:
        raise NotVerifiedError(f"still in training mode after eval(): {', '.join(training[:5])}")
    for parameter in module.parameters():  # one by one: a TorchScript module has no requires_grad_
        parameter.requires_grad_(False)
    return module


@contextlib.contextmanager
def plain_attention() -> Iterator[None]:
    """Without PyTorch's fused encoder, which it takes for frozen weights and which cannot be exported."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


@contextlib.contextmanager
def forward_of(shown: str) -> Iterator[None]:
    """A model's `forward` runs inside: what it prints goes to stderr, and what it raises is its own fault.

    Raises FailedForwardError, which says that `shown` fails, and in which line of the plugin, in place of anything but
    the zoo's own errors and Ctrl-C.
    """
    before = torch.get_default_dtype()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
            _require_default(before)
    except (ZooError, KeyboardInterrupt, Terminated):
        raise
    except BaseException as error:
        line = plugin_line(error)
        raise FailedForwardError(
            f"{shown}: {in_words(error)}{f', at {line}' if line else ''}",
            hint="ZOO_DEBUG=1 shows the traceback",
        ) from error


def _require_default(dtype: torch.dtype) -> None:
    after = torch.get_default_dtype()
    if after is not dtype:
        torch.set_default_dtype(dtype)
        raise NotVerifiedError(
            f"the model's forward changes torch's default dtype to {after} for the whole process",
            hint="pass dtype= to what is made there",
        )
