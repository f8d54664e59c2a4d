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
        if func is torch.ops.aten.t.default and args[0].numel() > PART:
            return func(*args)  # on the way to a product, which widens a part of it at a time
        if func in _PRODUCTS and not kwargs and _is_large_layer(*args):
            return _in_parts(func, *args)
        return func(*tree_map(_upcast, args), **tree_map(_upcast, dict(kwargs or {})))


PART = 1 << 23
"""Numbers of a matrix that are widened at once: the largest of vgg16 needs 800 MB in float64."""
_PRODUCTS = frozenset((torch.ops.aten.mm.default, torch.ops.aten.addmm.default))


def _is_large_layer(*args: Tensor) -> bool:
    *bias, _, matrix = args
    vectors = all(each.shape == matrix.shape[1:] for each in bias)
    return matrix.dtype is torch.float32 and matrix.numel() > PART and vectors


def _in_parts(func: Any, *args: Tensor) -> Tensor:
    """`mm(x, w)` or `addmm(b, x, w)`, some columns of the result at a time."""
    *bias, rows, matrix = args
    step = max(1, PART // matrix.shape[0])
    parts = []
    for start in range(0, matrix.shape[1], step):
        some = slice(start, start + step)
        parts.append(func(*map(_upcast, (*(each[some] for each in bias), rows, matrix[:, some]))))
    return torch.cat(parts, dim=1)


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


def with_float32(
    double: Mapping[str, NDArray[Any]], single: Mapping[str, NDArray[Any]], exact: NDArray[np.bool_]
) -> dict[str, NDArray[Any]]:
    """The float64 result of all rows, with the float32 one where there is no other."""
    filled = {name: value.astype(double[name].dtype) for name, value in single.items()}
    for name, value in double.items():
        filled[name][exact] = value
    return filled
