"""Frozen parts of a module: parameters that are not trained, and norms that keep the statistics they have."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from zoo_core.errors import UsageError

BUT = "!"
"""How a pattern begins whose parameters are trained, whatever the others say."""


def freeze(module: nn.Module, patterns: Sequence[str]) -> None:
    """No gradient for the parameters that a pattern names: theirs, or the path of a module that they are in.

    `*` stands for anything, dots too ("features", "layer[12].*", "*.bias"). A pattern after "!" is left out: of those
    that the others name, or of all where there is no other ("!fc" freezes everything but fc). Raises UsageError for a
    pattern that names nothing, and when nothing is left to train.
    """
    named = dict(module.named_parameters())
    for pattern in patterns:
        if not any(_names(pattern.removeprefix(BUT), name) for name in named):
            tops = dict.fromkeys(name.partition(".")[0] for name in named)
            raise UsageError(
                f"--freeze {pattern} names no parameter of the model", hint=f"its parts: {', '.join(tops)}"
            )
    for name in frozen_names(module, patterns):
        named[name].requires_grad = False
    if patterns and not any(parameter.requires_grad for parameter in named.values()):
        raise UsageError("--freeze leaves nothing to train", hint="freeze fewer parts")


def frozen_names(module: nn.Module, patterns: Sequence[str]) -> tuple[str, ...]:
    """The parameters that the patterns name, in the order of the module."""
    if not patterns:
        return ()
    left_out = [pattern.removeprefix(BUT) for pattern in patterns if pattern.startswith(BUT)]
    chosen = [pattern for pattern in patterns if not pattern.startswith(BUT)] or ["*"]
    return tuple(
        name
        for name, _ in module.named_parameters()
        if any(_names(pattern, name) for pattern in chosen) and not any(_names(pattern, name) for pattern in left_out)
    )


def _names(pattern: str, parameter: str) -> bool:
    parts = parameter.split(".")
    return any(fnmatch.fnmatchcase(".".join(parts[:length]), pattern) for length in range(1, len(parts) + 1))


def train_mode(module: nn.Module) -> None:
    """Training mode, but for norms whose parameters are all frozen: they go on with the statistics that they have."""
    module.train()
    for part in module.modules():
        own = list(part.parameters(recurse=False))
        if isinstance(part, _NormBase) and own and not any(parameter.requires_grad for parameter in own):
            part.eval()
