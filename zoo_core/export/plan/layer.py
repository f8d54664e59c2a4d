"""One layer of a model: found by its path, and what it gives while the whole model runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from zoo_core.errors import UsageError, did_you_mean

MOST_LISTED = 40


class Cut(nn.Module):
    """A module up to one of its layers: takes the module's inputs, gives what the layer gives.

    The whole module runs, and a hook catches the tensor: a trace drops what comes after it, which nothing reads then.
    """

    def __init__(self, module: nn.Module, layer: str) -> None:
        super().__init__()
        self.original = module
        self._layer = layer

    def forward(self, *inputs: Tensor) -> Tensor:
        return layer_output(self.original, inputs, layer=self._layer)


def layer_output(module: nn.Module, inputs: Sequence[Tensor], *, layer: str) -> Tensor:
    """What the part of that path gives when the module runs on `inputs`.

    Raises UsageError unless it runs exactly once, and gives one tensor.
    """
    found: list[Any] = []

    def catch(part: nn.Module, arguments: Any, result: Any) -> None:
        # A copy: what comes after may work in place, as most ReLUs do.
        found.append(result.clone() if isinstance(result, Tensor) else result)

    handle = module.get_submodule(layer).register_forward_hook(catch)
    try:
        module(*inputs)
    finally:
        handle.remove()
    if not found:
        raise UsageError(
            f"the layer {layer!r} does not run on its own in a forward pass: there is nothing to catch",
            hint="choose a layer that contains it, or one of its parts",
        )
    if len(found) > 1:
        raise UsageError(
            f"the layer {layer!r} runs {len(found)} times in one forward pass, and each time gives something else",
            hint="choose a layer that runs once, such as the one that contains it",
        )
    if not isinstance(found[0], Tensor):
        raise UsageError(
            f"the layer {layer!r} gives a {type(found[0]).__name__}, but features are one tensor",
            hint="choose one of its parts, or a layer that comes after it",
        )
    return found[0]


def layer_names(module: nn.Module) -> tuple[str, ...]:
    """The paths of all parts of a module ("layer4.1.conv2"), in order; the module itself is none of them."""
    return tuple(name for name, _ in module.named_modules() if name)


def require_layer(module: nn.Module, layer: str | None, *, model: str) -> str:
    """The path of a layer that exists. Raises UsageError, with the names of layers, where none is given or known."""
    names = layer_names(module)
    if layer is None:
        raise UsageError(f"which layer of {model}? --layer NAME is missing", hint=_listed(names))
    if layer not in names:
        hint = f"{did_you_mean(layer, names) if names else ''} {_listed(names)}".strip()
        raise UsageError(f"{model} has no layer {layer!r}", hint=hint)
    return layer


def _listed(names: Sequence[str]) -> str:
    if not names:
        return "it has no layers of its own"
    if len(names) <= MOST_LISTED:
        return f"Its layers: {', '.join(names)}"
    top = [name for name in names if "." not in name]
    inner = max(names, key=lambda name: name.count("."))
    return f"Its layers: {', '.join(top[:MOST_LISTED])}; and {len(names) - len(top)} parts of them, such as {inner}"
