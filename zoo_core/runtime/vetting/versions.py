"""Which versions of ONNX the installed onnxruntime reads."""

from __future__ import annotations

from zoo_core.environment import load_onnxruntime
from zoo_core.runtime.reading.protobuf import bytes_field, number_field


def runtime_reads(*, opset: int, ir_version: int) -> bool:
    """True if the installed onnxruntime loads files of these versions: a file of one node is tried."""
    if opset <= 21 and ir_version <= 10:
        return True  # what the oldest supported onnxruntime reads
    float_tensor = bytes_field(2, bytes_field(1, number_field(1, 1) + bytes_field(2, b"")))
    node = bytes_field(1, b"a") + bytes_field(2, b"b") + bytes_field(4, b"Identity")
    graph = (
        bytes_field(1, node)
        + bytes_field(2, b"probe")
        + bytes_field(11, bytes_field(1, b"a") + float_tensor)
        + bytes_field(12, bytes_field(1, b"b") + float_tensor)
    )
    model = number_field(1, ir_version) + bytes_field(7, graph) + bytes_field(8, number_field(2, opset))
    ort = load_onnxruntime()  # files of usual versions never need it here
    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        ort.InferenceSession(model, sess_options=options, providers=["CPUExecutionProvider"])
    except Exception:  # noqa: BLE001 each of its classes means no
        return False
    return True
