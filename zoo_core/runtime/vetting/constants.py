"""What a file alone decides of the values between its nodes: shapes, and numbers where they are few."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.runtime.reading.graph import Node, Value
from zoo_core.runtime.reading.tensors import Tensor

FEW = 1024
"""Numbers of a value that are computed: shapes, counts and pads are much shorter."""

Numbers = NDArray[Any]
_ATTRIBUTES = ("value_int", "value_ints", "value_float", "value_floats")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a value before the file is run.

    `numbers` is None where they are many, or an input decides them. `exact` is False where the shape has an axis that
    is free: it counts as 1.
    """

    shape: tuple[int, ...]
    numbers: Numbers | None = None
    exact: bool = True

    @classmethod
    def of(cls, numbers: Numbers) -> Known:
        """What is known of these numbers."""
        return cls(shape=numbers.shape, numbers=numbers if numbers.size <= FEW else None)


def known_input(value: Value) -> Known | None:
    """Of an input of the file; None where not even its rank is declared."""
    if value.dims is None:
        return None
    fixed = [dim for dim in value.dims if isinstance(dim, int)]
    return Known(
        shape=tuple(dim if isinstance(dim, int) else 1 for dim in value.dims), exact=len(fixed) == len(value.dims)
    )


def known_tensor(tensor: Tensor) -> Known:
    """Of a stored tensor; numbers outside the file, and those of types that numpy does not have, are not read."""
    if tensor.size > FEW or tensor.dtype == "string" or tensor.external is not None:
        return Known(shape=tensor.shape)
    try:
        return Known.of(tensor.array())
    except ZooError:
        return Known(shape=tensor.shape)


def known_constant(node: Node) -> Known | None:
    """Of the output of a Constant node."""
    value = node.attribute("value")
    if isinstance(value, Tensor):
        return known_tensor(value)
    found = next((found for name in _ATTRIBUTES if (found := node.attribute(name)) is not None), None)
    return None if found is None or isinstance(found, bytes) else Known.of(np.array(found))


def known_output(node: Node, values: Mapping[str, Known]) -> Known | None:
    """Of the first output of a node, from what is known of its inputs; None where it cannot be told."""
    given = [values.get(name) if name else None for name in node.inputs]
    try:
        with np.errstate(all="ignore"):
            return _told(node, given)
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, ArithmeticError):
        return None  # the file contradicts itself: onnxruntime says how


def _told(node: Node, given: Sequence[Known | None]) -> Known | None:
    first = given[0] if given else None
    if node.op_type in {"Shape", "Size"} and first is not None:
        if not first.exact:
            return None
        sizes = np.array(first.shape[node.attribute("start", 0) : node.attribute("end", len(first.shape))], np.int64)
        return Known.of(sizes if node.op_type == "Shape" else np.asarray(np.prod(sizes)))
    if any(each is None for each, name in zip(given, node.inputs, strict=True) if name) or first is None:
        return None
    whole = [each for each in given if each is not None]
    exact = all(each.exact for each in whole)
    computed = _COMPUTED.get(node.op_type)
    if computed is not None and all(each.numbers is not None for each in whole) and _is_little(node, whole):
        found = computed(node, [None if each is None else each.numbers for each in given])
        return Known(shape=found.shape, numbers=found if found.size <= FEW else None, exact=exact)
    shaped = _SHAPED.get(node.op_type)
    return None if shaped is None else Known(shape=shaped(node, whole), exact=exact)


def _is_little(node: Node, given: Sequence[Known]) -> bool:
    """Whether what comes of it, and so the work, is little; there may be many such nodes."""
    sizes = [math.prod(each.shape) for each in given]
    return math.prod(sizes) <= 16 * FEW if node.op_type == "Gather" else sum(sizes) <= 4 * FEW


def _axes(node: Node, given: Sequence[Numbers | None]) -> tuple[int, ...] | None:
    """The axes of an operator: an attribute in old files, an input in new ones."""
    if len(given) > 1 and given[1] is not None:
        return tuple(int(axis) for axis in given[1].reshape(-1))
    found = node.attribute("axes")
    return None if found is None else tuple(found)


def _required(numbers: Numbers | None) -> Numbers:
    if numbers is None:
        raise ValueError("an input is missing")
    return numbers


def _reduced(reduce: Callable[..., Any]) -> Callable[[Node, Sequence[Numbers | None]], Numbers]:
    def computed(node: Node, given: Sequence[Numbers | None]) -> Numbers:
        keep = bool(node.attribute("keepdims", 1))
        return np.asarray(reduce(_required(given[0]), axis=_axes(node, given), keepdims=keep))

    return computed


def _joined(join: Callable[[Any, Any], Any]) -> Callable[[Node, Sequence[Numbers | None]], Numbers]:
    def computed(node: Node, given: Sequence[Numbers | None]) -> Numbers:
        values = [_required(each) for each in given]
        np.broadcast_shapes(*(value.shape for value in values))
        found = values[0]
        for value in values[1:]:
            if np.prod(np.broadcast_shapes(found.shape, value.shape)) > FEW:
                raise ValueError("too many numbers")
            found = np.asarray(join(found, value))
        return found.astype(values[0].dtype, copy=False)

    return computed


def _cast(node: Node, given: Sequence[Numbers | None]) -> Numbers:
    """To whole numbers where the target is one (ONNX's codes of types); else as it is."""
    whole = node.attribute("to") in {2, 3, 4, 5, 6, 7, 12, 13}
    return np.trunc(_required(given[0])).astype(np.int64) if whole else _required(given[0])


def _reshaped(node: Node, given: Sequence[Numbers | None]) -> Numbers:
    value, shape = _required(given[0]), [int(size) for size in _required(given[1]).reshape(-1)]
    return value.reshape([value.shape[place] if size == 0 else size for place, size in enumerate(shape)])


def _unsqueezed(node: Node, given: Sequence[Numbers | None]) -> Numbers:
    return np.expand_dims(_required(given[0]), _axes(node, given) or ())


def _sliced(node: Node, given: Sequence[Numbers | None]) -> Numbers:
    value = _required(given[0])
    if len(given) > 1:
        starts, ends = (_required(given[place]).reshape(-1) for place in (1, 2))
        axes = given[3] if len(given) > 3 else None
        steps = given[4] if len(given) > 4 else None
    else:
        starts, ends = np.array(node.attribute("starts")), np.array(node.attribute("ends"))
        axes, steps = node.attribute("axes"), None
    at = range(len(starts)) if axes is None else np.reshape(axes, -1)
    by = [1] * len(starts) if steps is None else np.reshape(steps, -1)
    for start, end, axis, step in zip(starts, ends, at, by, strict=True):
        cut = [slice(None)] * value.ndim
        cut[int(axis)] = slice(int(start), int(end) if end > -(1 << 62) else None, int(step))
        value = value[tuple(cut)]
    return value


_COMPUTED: Mapping[str, Callable[[Node, Sequence[Numbers | None]], Numbers]] = {
    "Identity": lambda node, given: _required(given[0]),
    "Cast": _cast,
    "Neg": lambda node, given: np.negative(_required(given[0])),
    "Abs": lambda node, given: np.abs(_required(given[0])),
    "Floor": lambda node, given: np.floor(_required(given[0])),
    "Ceil": lambda node, given: np.ceil(_required(given[0])),
    "Sqrt": lambda node, given: np.sqrt(_required(given[0])),
    "Exp": lambda node, given: np.exp(_required(given[0])),
    "Add": _joined(np.add),
    "Sub": _joined(np.subtract),
    "Mul": _joined(np.multiply),
    "Div": _joined(lambda a, b: a // b if a.dtype.kind in "iu" else a / b),
    "Pow": _joined(lambda a, b: np.power(a.astype(np.float64), b)),
    "Min": _joined(np.minimum),
    "Max": _joined(np.maximum),
    "Concat": lambda node, given: np.concatenate([_required(each) for each in given], axis=node.attribute("axis", 0)),
    "Reshape": _reshaped,
    "Flatten": lambda node, given: _required(given[0]).reshape(1, -1),
    "Squeeze": lambda node, given: np.squeeze(_required(given[0]), _axes(node, given)),
    "Unsqueeze": _unsqueezed,
    "Transpose": lambda node, given: np.transpose(_required(given[0]), node.attribute("perm")),
    "Gather": lambda node, given: np.take(
        _required(given[0]), _required(given[1]).astype(np.int64), axis=node.attribute("axis", 0)
    ),
    "Slice": _sliced,
    "ReduceProd": _reduced(np.prod),
    "ReduceSum": _reduced(np.sum),
    "ReduceMax": _reduced(np.max),
    "ReduceMin": _reduced(np.min),
}


def _matrix_product(node: Node, given: Sequence[Known]) -> tuple[int, ...]:
    left, right = given[0].shape, given[1].shape
    return (*np.broadcast_shapes(left[:-2], right[:-2]), left[-2], right[-1])


def _same_shape(node: Node, given: Sequence[Known]) -> tuple[int, ...]:
    return tuple(np.broadcast_shapes(*(each.shape for each in given)))


def _transposed(node: Node, given: Sequence[Known]) -> tuple[int, ...]:
    shape = given[0].shape
    return tuple(shape[axis] for axis in node.attribute("perm", tuple(reversed(range(len(shape))))))


_BROADCAST = (
    *("Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Sum", "Mean", "Mod", "And", "Or", "Xor", "Equal", "Greater"),
    *("Less", "GreaterOrEqual", "LessOrEqual", "Where", "PRelu", "BitwiseAnd", "BitwiseOr"),
)
_UNARY = (
    *("Identity", "Cast", "Neg", "Abs", "Floor", "Ceil", "Sqrt", "Exp", "Log", "Relu", "Sigmoid", "Tanh", "Not"),
    *("Erf", "Sin", "Cos", "Softmax", "Gelu", "Round", "Sign", "Reciprocal", "LeakyRelu"),
)
_SHAPED: Mapping[str, Callable[[Node, Sequence[Known]], tuple[int, ...]]] = {
    **dict.fromkeys(_BROADCAST, _same_shape),
    **dict.fromkeys(_UNARY, lambda node, given: given[0].shape),
    "Transpose": _transposed,
    "MatMul": _matrix_product,
}
