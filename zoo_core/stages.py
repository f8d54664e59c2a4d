"""A model cut into parts, each of which can be checked by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .errors import ZooError


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One part of a model whose outputs are chosen on the way (top-k, NMS), and so can only be checked part by part.

    `run(*inputs)` takes tensors by the names in `inputs` (the model's inputs, or outputs of earlier stages) and returns
    a tensor, or a sequence of tensors, in the order of `outputs`. `selects`: the stage chooses rows (axis 0) of its
    candidates; its outputs are compared as sets, and ties may be broken in any way.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    run: Callable[..., Any]
    selects: bool = False

    def __post_init__(self) -> None:
        if not self.name or not self.inputs or not self.outputs:
            raise ZooError(f"Stage {self.name!r} needs a name, inputs and outputs")
