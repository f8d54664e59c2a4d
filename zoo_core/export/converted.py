"""What an exporter makes of a module: an ONNX program, and what it held before any optimiser saw it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray

from .exported import Exported

Array = NDArray[Any]

Exporter = Literal["dynamo", "torchscript"]


@dataclass(frozen=True, kw_only=True)
class Converted:
    """The program, the initialisers it had before any optimiser, and the names of the tensors that the trace reads.

    `model` is the ONNX file to be; `traced` the exported program of torch, None from the TorchScript exporter.
    """

    model: onnx.ModelProto = field(repr=False)
    traced: Any = field(repr=False)
    initializers: Mapping[str, Array] = field(repr=False)
    used: tuple[str, ...]
    exported: Exported = field(repr=False)
    exporter: Exporter = "dynamo"
    optimized: bool = True


def call_as_in_checkpoint(graph: Any, names: Mapping[str, str]) -> None:
    """Give the initialisers of an `onnx_ir` graph the names that the checkpoint has for them."""
    for name, value in list(graph.initializers.items()):
        # Of two tied tensors only one is there; the other name stays free.
        if (called := names.get(name, name)) not in graph.initializers:
            value.name = called


def initializers_of(graph: Any) -> dict[str, Array]:
    """Copies of the initialisers of an `onnx_ir` graph: the optimiser may fold a tensor in place."""
    return {
        name: np.array(value.const_value.numpy(), copy=True)
        for name, value in graph.initializers.items()
        if value.const_value is not None
    }
