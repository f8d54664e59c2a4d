"""Faults that are planted into the preprocessing of a file while it is drawn: from outside, in onnx's own functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

Plant = Callable[[pytest.MonkeyPatch], None]


def constant(name: str, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Plant:
    """The constant `preprocess/NAME` is another one."""
    honest = onnx.numpy_helper.from_array

    def sabotaged(array: NDArray[Any], called: str | None = None) -> onnx.TensorProto:
        return honest(change(array).copy() if called == f"preprocess/{name}" else array, called)

    return lambda monkeypatch: monkeypatch.setattr(onnx.numpy_helper, "from_array", sabotaged)


def node(name: str, operator: str, change: Callable[[list[str]], list[str]] = list) -> Plant:
    """Nodes whose names end with NAME are another operator, and have other inputs."""
    honest = onnx.helper.make_node

    def sabotaged(kind: str, inputs: list[str], outputs: list[str], **more: Any) -> onnx.NodeProto:
        if str(more.get("name", "")).endswith(name):
            return honest(operator, change(inputs), outputs, **more)
        return honest(kind, inputs, outputs, **more)

    return lambda monkeypatch: monkeypatch.setattr(onnx.helper, "make_node", sabotaged)


FAULTS: dict[str, Plant] = {
    "a resize without antialias": node("/spread", "Max", lambda inputs: [inputs[1], inputs[1]]),
    "the mean of another channel": constant("mean", lambda array: np.roll(array, 1, axis=1)),
    "a crop that is off by one": node("rows/half over", "Sub"),
    "RGB for BGR": constant("order", np.sort),
    "another standard deviation": constant("std", lambda array: array * np.float32(1.01)),
    "pixels that are cut off, not rounded": node("columns/and a half", "Identity", lambda inputs: inputs[:1]),
    "the wrong scale": constant("scale", lambda array: array * np.float32(255 / 256)),
}
