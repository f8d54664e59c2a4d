"""A PyTorch module as the zoo runs it, in training and in exports alike: its weights, its mode, its outputs by name."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from zoo_core.errors import NotVerifiedError, ZooError

Read = Callable[[Any], Any]
"""A model's `read_outputs`: what of the things that its `forward` returns are the declared outputs."""


def named_outputs(result: Any, names: Sequence[str], read: Read | None = None) -> dict[str, Tensor]:
    """What a module returned, by the names that its spec declares, in order: a mapping by its own names, a tensor or a
    sequence by place. `read` comes first, where the spec has it.

    Raises ZooError when a name is missing in a mapping, and when there are more or fewer outputs than names.
    """
    if read is not None:
        result = read(result)
    if isinstance(result, Mapping):
        if missing := [name for name in names if name not in result]:
            raise ZooError(
                f"the model gives no output {', '.join(missing)}, only {', '.join(map(str, result))}",
                hint="the names in its spec's outputs are those that it returns",
            )
        values = [result[name] for name in names]
    else:
        values = list(result) if isinstance(result, list | tuple) else [result]
    if len(values) != len(names) or not all(isinstance(value, Tensor) for value in values):
        kinds = ", ".join(type(value).__name__ for value in values)
        raise ZooError(f"the model declares the outputs {', '.join(names)} but returned {len(values)}: {kinds}")
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
        raise ZooError(f"the weights do not fit the model: {str(error).strip()}") from None


def fresh_module(build: Callable[[], nn.Module], checkpoint: Mapping[str, Tensor]) -> nn.Module:
    """A newly built module with the checkpoint's tensors, loaded strictly, every submodule in eval mode."""
    module = build()
    load_state(module, checkpoint)
    module.eval()
    training = [name or "the model itself" for name, part in module.named_modules() if part.training]
    if training:
        raise NotVerifiedError(f"still in training mode after eval(): {', '.join(training[:5])}")
    return module.requires_grad_(False)


@contextlib.contextmanager
def plain_attention() -> Iterator[None]:
    """Without PyTorch's fused encoder, which it takes for frozen weights and which cannot be exported."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
