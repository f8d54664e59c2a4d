"""onnx's reference evaluator, made to compute in float64 where a graph says float32 or float16."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .graphs import copied

if TYPE_CHECKING:
    import onnx

_ENDS = {"uint8": (0, 255), "int8": (-128, 127), "uint16": (0, 65535), "int16": (-32768, 32767)}


def evaluators(proto: onnx.ModelProto) -> tuple[Any, Any]:
    """The graph in float64, and as it is; node by node the same."""
    from onnx.reference import ReferenceEvaluator

    own = _own_operators()
    return ReferenceEvaluator(_in_float64(proto), new_ops=own), ReferenceEvaluator(copied(proto), new_ops=own)


def _in_float64(proto: onnx.ModelProto) -> onnx.ModelProto:
    wide = copied(proto)
    _widen(wide.graph)
    return wide


def _widen(graph: onnx.GraphProto) -> None:
    """Weights and constants in float64, and what is cast to a float becomes float64; ranges and shapes stay."""
    from onnx import AttributeProto, TensorProto

    floats = {TensorProto.FLOAT, TensorProto.FLOAT16}
    for tensor in graph.initializer:
        _widen_tensor(tensor)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.TENSOR:
                _widen_tensor(attribute.t)
            elif attribute.type == AttributeProto.GRAPH:
                _widen(attribute.g)
            elif node.op_type == "Cast" and attribute.name == "to" and attribute.i in floats:
                attribute.i = TensorProto.DOUBLE
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.type.tensor_type.elem_type in floats:
            value.type.tensor_type.elem_type = TensorProto.DOUBLE


def _widen_tensor(tensor: onnx.TensorProto) -> None:
    from onnx import TensorProto, numpy_helper

    if tensor.data_type in {TensorProto.FLOAT, TensorProto.FLOAT16}:
        wide = numpy_helper.to_array(tensor).astype(np.float64)
        tensor.CopyFrom(numpy_helper.from_array(wide, tensor.name))


def as_float64(value: NDArray[Any]) -> NDArray[Any]:
    """The same numbers in float64; what is no float stays as it is."""
    return value.astype(np.float64) if value.dtype.kind == "f" else value


def spread(value: Any, rank: int, axis: int) -> Any:
    """A scale or a zero point of each channel, along its axis; one for all as it is."""
    array = np.asarray(value)
    if array.size == 1:
        return array.reshape(())
    shape = [1] * rank
    shape[axis] = -1
    return array.reshape(shape)


def quantized(steps: NDArray[Any], zero: Any, axis: int) -> NDArray[Any]:
    """Steps, rounded to whole ones (halves to the even one) and counted from the zero point, as far as the type goes.

    Without a zero point: uint8 from 0.
    """
    kind = np.dtype(np.uint8) if zero is None else np.asarray(zero).dtype
    start = 0.0 if zero is None else spread(zero, steps.ndim, axis).astype(np.float64)
    low, high = _ENDS[kind.name]
    found: NDArray[Any] = np.clip(np.rint(steps) + start, low, high).astype(kind)
    return found


def dynamic_range(x: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Scale and zero point that DynamicQuantizeLinear finds, in float32 as the operator says."""
    high, low = np.float32(max(0.0, float(x.max()))), np.float32(min(0.0, float(x.min())))
    scale = np.float32(1) if high == low else (high - low) / np.float32(255)
    zero = np.rint(np.clip(-low / scale, np.float32(0), np.float32(255)))
    return np.asarray(scale, x.dtype), np.asarray(zero).astype(np.uint8)


def _own_operators() -> list[Any]:
    """Those that onnx evaluates in float32 whatever it is given."""
    from onnx.reference.op_run import OpRun
    from onnx.reference.ops.op_non_max_suppression import NonMaxSuppression

    class QuantizeLinear(OpRun):
        op_domain = ""

        def _run(self, x: Any, scale: Any, zero: Any = None, axis: int = 1, **more: Any) -> tuple[Any]:
            return (quantized(x / spread(scale, x.ndim, axis), zero, axis),)

    class DequantizeLinear(OpRun):
        op_domain = ""

        def _run(self, x: Any, scale: Any, zero: Any = None, axis: int = 1, **more: Any) -> tuple[Any]:
            kind = np.asarray(scale).dtype
            start = 0 if zero is None else spread(zero, x.ndim, axis).astype(kind)
            return (np.asarray((x.astype(kind) - start) * spread(scale, x.ndim, axis), kind),)

    class DynamicQuantizeLinear(OpRun):
        op_domain = ""

        def _run(self, x: Any) -> tuple[Any, Any, Any]:
            scale, zero = dynamic_range(x)
            return quantized(x / scale, zero, 0), scale, zero

    return [QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear, _with_scalars(NonMaxSuppression)]


def _with_scalars(theirs: Any) -> Any:
    """NonMaxSuppression with limits that are scalars, as the text of ONNX has them; onnx's own takes lists of one."""

    class NonMaxSuppression(theirs):  # type: ignore[misc]
        op_domain = ""

        def _run(self, boxes: Any, scores: Any, *limits: Any, **more: Any) -> Any:
            lists = [None if limit is None else np.asarray(limit).reshape(-1) for limit in limits]
            return super()._run(boxes, scores, *lists, **more)

    return NonMaxSuppression
