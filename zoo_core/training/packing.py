"""Plain values that hold arrays, taken apart into JSON and tensors, and put together again to the bit: no pickle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

Tensors = dict[str, Tensor]


class NotPlainError(TypeError):
    """A value of a kind that cannot be taken apart."""


def packed(value: Any, tensors: Tensors, name: str) -> Any:
    """`value` as JSON. Copies of the arrays in it go to `tensors`, under names that begin with `name`.

    It may be made of None, texts, numbers, arrays, tensors, lists, tuples and dictionaries with texts or whole numbers
    as keys. Raises NotPlainError for anything else.
    """
    if value is None or type(value) in {bool, int, str}:
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, Tensor):
        tensors[name] = value.detach().cpu().clone()
        return {"tensor": name}
    if isinstance(value, np.ndarray | np.generic):
        tensors[name] = _tensor(value)
        return {"array" if isinstance(value, np.ndarray) else "number": name}
    if type(value) is list and len(value) > 1 and (rows := _rows(value)) is not None:
        tensors[name] = rows
        return {"rows": name, "sizes": [len(each) for each in value], "of": _kind(value[0])}
    if type(value) in {list, tuple}:
        parts = [packed(each, tensors, f"{name}.{number}") for number, each in enumerate(value)]
        return {"list" if type(value) is list else "tuple": parts}
    if type(value) is dict and all(type(key) in {int, str} for key in value):
        each = enumerate(value.items())
        return {"dict": [[key, packed(part, tensors, f"{name}.{number}")] for number, (key, part) in each]}
    raise NotPlainError(f"a {type(value).__name__}")


def unpacked(value: Any, tensors: Tensors) -> Any:
    """The inverse of `packed`. Raises KeyError, ValueError or TypeError for what it did not make."""
    if not isinstance(value, dict):
        return value
    kind, content = next(iter(value.items()))
    if kind == "float":
        return float(content)
    if kind == "tensor":
        return tensors[content]
    if kind in {"array", "number"}:
        array = tensors[content].numpy()
        return array if kind == "array" else array[()]
    if kind == "rows":
        parts = list(torch.split(tensors[content], value["sizes"]))
        return parts if value["of"] == "tensor" else [part.numpy() for part in parts]
    if kind in {"list", "tuple"}:
        made = [unpacked(each, tensors) for each in content]
        return made if kind == "list" else tuple(made)
    if kind == "dict":
        return {key: unpacked(part, tensors) for key, part in content}
    raise ValueError(f"{kind!r} is nothing that is kept")


def _rows(values: Sequence[Any]) -> Tensor | None:
    """Arrays, or tensors, that are alike but for their length, one after the other: a thousand small ones are dear."""
    first = values[0]
    if not isinstance(first, Tensor | np.ndarray) or first.ndim == 0:
        return None
    if any(_likeness(each) != _likeness(first) for each in values):
        return None
    if isinstance(first, Tensor):
        return torch.cat([each.detach().cpu() for each in values])
    return _tensor(np.concatenate(values))


def _likeness(value: Any) -> Any:
    return (type(value), value.dtype, value.shape[1:]) if isinstance(value, Tensor | np.ndarray) else type(value)


def _kind(value: Any) -> str:
    return "tensor" if isinstance(value, Tensor) else "array"


def _tensor(value: Any) -> Tensor:
    try:
        return torch.from_numpy(np.array(value))
    except TypeError:
        raise NotPlainError(f"an array of {value.dtype}") from None
