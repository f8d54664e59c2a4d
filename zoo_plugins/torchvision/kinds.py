"""What models of one kind have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from zoo_core import Preprocess, TensorSpec


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What models of one kind have in common; `more` are further fields of their ModelSpec."""

    task: str
    build: Callable[..., Any]
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    preprocess: Preprocess | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
