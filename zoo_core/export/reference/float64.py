"""Float64 for modules that are written for float32: every operation is widened while it is run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map


class Upcast(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Runs every float32 operation in float64, explicit `.float()` calls included."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        return func(*tree_map(_upcast, args), **tree_map(_upcast, dict(kwargs or {})))


def _upcast(value: Any) -> Any:
    if isinstance(value, Tensor) and value.dtype is torch.float32:
        return value.double()
    return torch.float64 if value is torch.float32 else value


@contextlib.contextmanager
def in_double(upcast: Upcast | None = None) -> Iterator[None]:
    """Everything inside is computed in float64; `upcast`: a mode that the caller has at hand."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with upcast or Upcast():  # type: ignore[no-untyped-call]
            yield
    finally:
        torch.set_default_dtype(before)


def widened(inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The same arrays with float32 ones as float64."""
    return {name: value.astype(np.float64) if value.dtype == np.float32 else value for name, value in inputs.items()}
