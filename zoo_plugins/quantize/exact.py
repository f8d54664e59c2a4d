"""Scales that are powers of two: products and sums of whole numbers are then exact in float32, whatever their order.

With any other scale a value that lies between two steps is rounded up on one machine and down on another, and what
follows is off by a step. With these, a file gives the same bits at every level of optimisation and on every processor,
and can be held against float64 as closely as a float file. The price is up to one bit of each range.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx

_STEPS = 255
"""From the least to the largest uint8."""
_LEAST = 2.0**-100
"""Below that a channel is as good as zero, and a smaller scale is no float32."""


def power_of_two(scale: NDArray[Any] | float) -> NDArray[np.float64]:
    """The least power of two that is not below."""
    exact: NDArray[np.float64] = np.exp2(np.ceil(np.log2(np.maximum(np.asarray(scale, np.float64), _LEAST))))
    return exact


def exact_ranges(found: Any) -> Any:
    """Ranges of activations, moved outwards so that a step of theirs is a power of two, and zero is one of the steps.

    `found`: onnxruntime's TensorsData, as calibration gives it.
    """
    from onnxruntime.quantization.calibrate import TensorData, TensorsData

    widened = {}
    for name, data in found.data.items():
        low, high = _ends(data)
        widened[name] = data if low == high else TensorData(lowest=np.float32(low), highest=np.float32(high))
    return TensorsData(found.calibration_method, widened)


def _ends(data: Any) -> tuple[float, float]:
    low, high = float(np.min(data.lowest)), float(np.max(data.highest))
    if not np.isfinite([low, high]).all():
        return 0.0, 0.0
    step, below = _steps(low, high)
    return -below * step, (_STEPS - below) * step


def _steps(low: float, high: float) -> tuple[float, int]:
    """The exact step of a range with zero in it, and how many steps lie below zero; step 0 for a range of nothing."""
    low, high = min(0.0, low), max(0.0, high)
    if low == high:
        return 0.0, 0
    step = float(power_of_two((high - low) / _STEPS))
    while (below := _even(-low / step)) + np.ceil(high / step - 0.5) > _STEPS:
        step *= 2
    return step, below


def _even(steps: float) -> int:
    """So many steps, and one more where they are odd.

    A value half-way between two steps goes to the even one, and some of onnxruntime's operators count from zero, others
    from the end of the range: with an even zero point that is the same step.
    """
    whole = int(np.ceil(steps - 0.5))
    return whole + whole % 2


def exact_weights(made: onnx.ModelProto) -> dict[str, list[dict[str, Any]]]:
    """What to tell onnxruntime's quantizer of the weights: the scales that it found itself, made exact.

    `made` is a graph that it has quantized; the result is for its option `TensorQuantOverrides`.
    """
    from onnx.numpy_helper import to_array
    from onnxruntime.quantization import QuantType

    stored = {tensor.name: tensor for tensor in made.graph.initializer}
    told: dict[str, list[dict[str, Any]]] = {}
    for node in made.graph.node:
        if node.op_type != "DequantizeLinear" or node.input[0] not in stored:
            continue
        scales, zeros = (np.atleast_1d(to_array(stored[name])) for name in node.input[1:3])
        name = node.input[0].removesuffix("_quantized")
        if zeros.dtype == np.int8:
            axis = [{"axis": each.i} for each in node.attribute if each.name == "axis"]
            told[name] = [
                {"quant_type": QuantType.QInt8, "scale": scale, "zero_point": np.int8(0), **(axis[0] if axis else {})}
                for scale in power_of_two(scales).astype(np.float32)
            ]
        elif zeros.dtype == np.uint8:  # such as what is added to every row
            zero, scale = int(zeros[0]), float(scales[0])
            step, below = _steps(-zero * scale, (_STEPS - zero) * scale)
            exact = {"scale": np.float32(step), "zero_point": np.uint8(below)}
            told[name] = [{"quant_type": QuantType.QUInt8, **exact}]
    return told
