"""A foreign reader at work, in a process of its own: `foreign_child.py READER MODEL CASE...`.

A reader loads the file once and runs it on the inputs of every case, a folder with `inputs/`; what it gives is written
to `outputs/` there. Readers are native code: one that crashes ends this process alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from foreign_tensors import Arrays, read_arrays, write_arrays

Run = Callable[[Arrays], Sequence[Any]]
"""From inputs by name to outputs in the file's order."""


def openvino(file: Path) -> Run:
    import openvino

    # Processors with bfloat16 or float16 arithmetic round to that unless they are told not to.
    model = openvino.Core().compile_model(file, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda inputs: list(model(inputs).values())


def reference_evaluator(file: Path) -> Run:
    from onnx.reference import ReferenceEvaluator

    model = ReferenceEvaluator(str(file))
    return lambda inputs: model.run(None, inputs)


def onnxslim(file: Path) -> Run:
    import onnxruntime
    from onnxslim import slim

    session = onnxruntime.InferenceSession(slim(str(file)).SerializeToString(), providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(None, inputs)


def opencv(file: Path) -> Run:
    import cv2

    net = cv2.dnn.readNetFromONNX(str(file))
    names = [value.name for value in onnx.load(file).graph.output]

    def run(inputs: Arrays) -> Sequence[Any]:
        for name, value in inputs.items():
            net.setInput(value, name)
        return [np.array(value) for value in net.forward(names)]

    return run


def tract(file: Path) -> Run:
    from tract import onnx as reader

    model = reader().load(str(file)).into_model().into_runnable()
    return lambda inputs: [value.to_numpy() for value in model.run(list(inputs.values()))]


def tract_with_sizes(file: Path) -> Run:
    from tract import onnx as reader

    plain = onnx.load(file)
    del plain.graph.value_info[:]  # the symbols of inner shapes would contradict the numbers
    onnx.save(plain, "plain.onnx")

    def run(inputs: Arrays) -> Sequence[Any]:
        model = reader().load("plain.onnx")
        for number, value in enumerate(inputs.values()):
            kind = f"{value.dtype.kind}{8 * value.dtype.itemsize}"
            model.set_input_fact(number, ",".join([*map(str, value.shape), kind]))
        return [value.to_numpy() for value in model.into_model().into_runnable().run(list(inputs.values()))]

    return run


def shape_inference(file: Path) -> Run:
    """Gives the shape of each output in place of its values: what follows from the inputs' alone, -1 for unknown."""
    infer = onnx.shape_inference.infer_shapes
    infer(onnx.load(file), check_type=True, strict_mode=True, data_prop=True)

    def run(inputs: Arrays) -> Sequence[Any]:
        model = onnx.load(file)
        del model.graph.value_info[:]
        for value in model.graph.input:
            for axis, size in zip(value.type.tensor_type.shape.dim, inputs[value.name].shape, strict=True):
                axis.dim_value = size
        for value in model.graph.output:
            value.type.tensor_type.ClearField("shape")
        found = infer(model, check_type=True, strict_mode=True, data_prop=True).graph.output
        shapes = [value.type.tensor_type.shape.dim for value in found]
        return [np.array([axis.dim_value if axis.HasField("dim_value") else -1 for axis in axes]) for axes in shapes]

    return run


READERS: dict[str, Callable[[Path], Run]] = {
    "OpenVINO": openvino,
    "onnx's reference evaluator": reference_evaluator,
    "onnx's strict shape inference": shape_inference,
    "onnxslim": onnxslim,
    "OpenCV's dnn": opencv,
    "tract": tract,
    "tract, sizes given": tract_with_sizes,
}


def main(reader: str, file: str, *cases: str) -> None:
    names = [value.name for value in onnx.load(file, load_external_data=False).graph.output]
    run = READERS[reader](Path(file))
    for case in map(Path, cases):
        outputs = run(read_arrays(case / "inputs"))
        write_arrays(case / "outputs", {name: np.asarray(value) for name, value in zip(names, outputs, strict=True)})


if __name__ == "__main__":
    main(*sys.argv[1:])
