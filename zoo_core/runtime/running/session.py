"""An onnxruntime session on the CPU, with our defaults and with errors that say what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from zoo_core.environment import usable_processors
from zoo_core.errors import UsageError, ZooError
from zoo_core.runtime.reading.wire import OnnxFile

Optimization = Literal["all", "none"]

_PROVIDERS = ["CPUExecutionProvider"]
_NO_LINES = 4  # its errors come as exceptions, too


def open_session(file: OnnxFile, *, optimization: Optimization = "all", threads: int | None = None) -> Any:
    """A CPU session for a vetted file; `threads` defaults to the processors that this process may use.

    The bytes that were vetted are the bytes that are run, unless there are many of them or the weights are in
    other files. Raises ZooError with onnxruntime's reason.
    """
    if optimization not in {"all", "none"}:
        raise UsageError(f"optimization is 'all' or 'none', not {optimization!r}")
    if threads is not None and threads < 1:
        raise UsageError(f"threads are at least 1, not {threads}")
    onnxruntime = _onnxruntime()
    options = onnxruntime.SessionOptions()
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimization == "all" else levels.ORT_DISABLE_ALL
    options.intra_op_num_threads = threads or usable_processors()
    options.inter_op_num_threads = 1
    options.log_severity_level = _NO_LINES
    options.add_session_config_entry("session.load_model_format", "ONNX")
    if any(isinstance(dim, str) for value in file.inputs for dim in (value.dims or ())[1:]):
        # The memory pattern is planned for one shape: with pictures of many sizes it only grows.
        options.enable_mem_pattern = False
    in_one_piece = isinstance(file.content, bytes) and not has_external_data(file)
    source: Any = file.content if in_one_piece else str(file.path)
    try:
        return onnxruntime.InferenceSession(source, sess_options=options, providers=_PROVIDERS)
    except Exception as error:
        raise ZooError(
            f"onnxruntime {onnxruntime.__version__} cannot load {file.path}: {_reason(error)}",
            hint="the file is damaged, or needs another version of onnxruntime",
        ) from error


def run_session(session: Any, inputs: Mapping[str, NDArray[Any]], *, path: str) -> dict[str, NDArray[Any]]:
    """All outputs by name. Raises ZooError with onnxruntime's reason."""
    names = [output.name for output in session.get_outputs()]
    try:
        values = session.run(names, dict(inputs))
    except Exception as error:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in inputs.items())
        raise ZooError(
            f"onnxruntime could not run {path} on {shapes}: {_reason(error)}",
            hint="check the file with `zoo verify`; too little memory is another cause",
        ) from error
    return {name: np.asarray(value) for name, value in zip(names, values, strict=True)}


def has_external_data(file: OnnxFile) -> bool:
    """True if a tensor of any graph of the file has its data in another file."""
    return any(tensor.external is not None for graph in file.graph.walk() for tensor in graph.all_tensors())


def _onnxruntime() -> Any:
    import onnxruntime  # 0.4 s, and commands that refuse a file never need it

    return onnxruntime


def _reason(error: Exception) -> str:
    """onnxruntime's message in one line, without its own source paths."""
    text = " ".join(str(error).split())
    for marker in ("Status Message: ", "[ONNXRuntimeError] : "):
        text = text.partition(marker)[2] or text
    return text[:400]
