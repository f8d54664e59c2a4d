"""Three ways to make a file smaller, each with onnxruntime's own tools; `kept` are nodes that stay float."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from zoo_core import ZooError

from .exact import exact_ranges, exact_weights
from .graphs import copied, float_inputs, forget_unused, in_order, keep_outputs_float, keep_weights_float
from .row_ranges import ranges_of_rows
from .source import Arrays, Source

if TYPE_CHECKING:
    import onnx

KINDS = ("fp16", "int8-dynamic", "int8-static")
SUFFIXES = {"fp16": "fp16", "int8-dynamic": "int8-dynamic", "int8-static": "int8"}
"""What the name of the result ends with: `NAME-int8`."""

_COSTLY = ("Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "Mul")
_STATIC = (
    *_COSTLY,
    *("MaxPool", "Relu", "Clip", "Concat", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Split", "Pad"),
)
"""What is computed with whole numbers, and exactly so: means, Softmax, normalisations and the like stay float."""
_DYNAMIC = ("Conv", "MatMul", "Gemm")


class Tool(Protocol):
    """One way. `nodes`: the names of those that may be kept float, one by one."""

    kind: str
    nodes: tuple[str, ...]

    def make(self, kept: Collection[str]) -> onnx.ModelProto:
        """The smaller file, in which these nodes are as they were. Raises ZooError with the tool's reason."""


def tool_for(kind: str, source: Source, *, samples: int) -> Tool:
    """The way of that name, ready for the file. Raises ZooError where the file cannot be made smaller so."""
    if kind == "fp16":
        return HalfWeights(source)
    return Dynamic(source) if kind == "int8-dynamic" else Static(source, samples=samples)


class HalfWeights:
    """Weights in half precision, computed with in float32: the same on every processor, and never slower."""

    kind = "fp16"

    def __init__(self, source: Source) -> None:
        self._proto = source.proto
        self._weights = float_inputs(source.proto)
        self.nodes = tuple(self._weights)
        _require_some(self.nodes, "it has no float32 weights")

    def make(self, kept: Collection[str]) -> onnx.ModelProto:
        """Each weight is stored in half and made float32 by a Cast, which onnxruntime does once, when it loads."""
        import onnx
        from onnxruntime.transformers.float16 import convert_tensor_float_to_float16

        proto = copied(self._proto)
        stay = {name for node in kept for name in self._weights.get(node, ())}
        stay |= {value.name for value in (*proto.graph.output, *proto.graph.input)}
        halved = {name for names in self._weights.values() for name in names} - stay
        casts = []
        for tensor in proto.graph.initializer:
            if tensor.name in halved:
                convert_tensor_float_to_float16(tensor)
                full, tensor.name = tensor.name, f"{tensor.name}.half"
                cast = onnx.helper.make_node("Cast", [tensor.name], [full], to=onnx.TensorProto.FLOAT)
                cast.name = f"{full}.cast"
                casts.append(cast)
        proto.graph.node.extend(casts)
        return _finished(proto)


class Dynamic:
    """Weights in 7 bits of int8, and the range of what flows in found anew for each row."""

    kind = "int8-dynamic"

    def __init__(self, source: Source) -> None:
        from onnx.numpy_helper import to_array

        self._source = source
        weights = float_inputs(source.proto)
        named = {name for names in weights.values() for name in names}
        self._floats = {each.name: to_array(each) for each in source.proto.graph.initializer if each.name in named}
        self.nodes = tuple(
            node.name for node in source.proto.graph.node if node.op_type in _DYNAMIC and node.name in weights
        )
        _require_some(self.nodes, f"it has no {', '.join(_DYNAMIC)} with weights of its own")

    def make(self, kept: Collection[str]) -> onnx.ModelProto:
        """By `quantize_dynamic`; then the one range that it finds for a whole batch becomes one for each row."""
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic

        # A Gemm becomes these two before the tool asks for its name.
        excluded = [*kept, *(f"{name}_MatMul" for name in kept)]
        with _asked("quantize_dynamic"), tempfile.TemporaryDirectory(prefix="zoo-quantize-") as folder:
            target = Path(folder) / "made.onnx"
            quantize_dynamic(
                copied(self._source.proto),
                target,
                op_types_to_quantize=list(_DYNAMIC),
                per_channel=True,
                reduce_range=True,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=excluded,
            )
            proto = onnx.load(target)
        ranges_of_rows(proto, self._floats)
        return _finished(proto)


class Static:
    """Weights in 7 bits of int8 and what flows in 8 bits, in ranges found once with samples of the training part."""

    kind = "int8-static"

    def __init__(self, source: Source, *, samples: int) -> None:
        self.nodes = tuple(node.name for node in source.proto.graph.node if node.op_type in _COSTLY)
        _require_some(self.nodes, f"it has none of {', '.join(_COSTLY)}")
        self._proto, found = _calibrated(source, samples)
        self._ranges = exact_ranges(found)

    def make(self, kept: Collection[str]) -> onnx.ModelProto:
        """By onnxruntime's QDQ quantizer: once to find the scale of each channel, and once more with exact ones."""
        with _asked("the QDQ quantizer"):
            found = self._quantized(kept, {})
            proto = self._quantized(kept, {"TensorQuantOverrides": exact_weights(found)})
        keep_outputs_float(proto)
        keep_weights_float(proto)
        return _finished(proto)

    def _quantized(self, kept: Collection[str], extra: dict[str, Any]) -> onnx.ModelProto:
        from onnxruntime.quantization import QuantType
        from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

        proto = copied(self._proto)
        if set(kept) >= set(self.nodes):  # nothing is left to compute with whole numbers: the file as it was
            return proto
        quantizer = QDQQuantizer(
            proto, True, True, QuantType.QInt8, QuantType.QUInt8, self._ranges, [], list(kept), list(_STATIC), extra
        )
        quantizer.quantize_model()
        made: onnx.ModelProto = quantizer.model.model
        return made


def _calibrated(source: Source, samples: int) -> tuple[onnx.ModelProto, Any]:
    """The file with the shapes of its inner values, and the range of each of them over the calibration samples."""
    import onnx
    from onnxruntime.quantization import CalibrationMethod
    from onnxruntime.quantization.calibrate import create_calibrator
    from onnxruntime.quantization.quant_utils import load_model_with_shape_infer

    with _asked("calibration"), tempfile.TemporaryDirectory(prefix="zoo-quantize-") as name:
        folder = Path(name)
        onnx.save(source.proto, folder / "float.onnx")
        calibrator = create_calibrator(
            str(folder / "float.onnx"),
            list(_STATIC),
            augmented_model_path=str(folder / "augmented.onnx"),
            calibrate_method=CalibrationMethod.MinMax,
        )
        calibrator.set_execution_providers(["CPUExecutionProvider"])
        calibrator.collect_data(_Reader(source.calibration_batches(samples)))
        return load_model_with_shape_infer(folder / "float.onnx"), calibrator.compute_data()


class _Reader:
    """Batches, as onnxruntime's calibration asks for them."""

    def __init__(self, batches: Iterator[Arrays]) -> None:
        self._batches = batches

    def get_next(self) -> Arrays | None:
        return next(self._batches, None)


def _require_some(nodes: Iterable[str], otherwise: str) -> None:
    if not tuple(nodes):
        raise ZooError(f"there is nothing to make smaller: {otherwise}")


@contextmanager
def _asked(tool: str) -> Iterator[None]:
    """onnxruntime's tools, whose advice is not for the terminal, and whose errors become one line."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with np.errstate(all="ignore"):
            yield
    except ZooError:
        raise
    except Exception as error:
        text = " ".join(str(error).split())[:300] or type(error).__name__
        raise ZooError(f"onnxruntime's tool ({tool}) cannot do it: {text}") from error
    finally:
        logging.disable(before)


def _finished(proto: onnx.ModelProto) -> onnx.ModelProto:
    in_order(proto)
    forget_unused(proto)
    return proto
