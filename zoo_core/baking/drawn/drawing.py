"""What a graph is drawn with: nodes and constants that have names, one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

PREFIX = "preprocess/"
"""Of every name, so that none is that of a node or a weight of the model."""


class Drawing:
    """Nodes and constants of a graph; `add` and `constant` give the names of what they make."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def constant(self, value: Any, dtype: str, *, name: str = "") -> str:
        """A tensor of that value; equal ones are one, unless they have a name."""
        array: NDArray[Any] = np.asarray(value, dtype=dtype)
        shown = "x".join(map(str, array.shape))
        told = "_".join(map(str, array.reshape(-1).tolist()))
        full = PREFIX + (name or f"{dtype}{f'[{shown}]' if shown else ''} {told}")
        if full not in self.constants:
            self.constants[full] = onnx.numpy_helper.from_array(array, full)
        return full

    def add(self, operator: str, *inputs: str, name: str, **attributes: Any) -> str:
        """A node of one output, which is called as the node."""
        full = PREFIX + name
        self.nodes.append(onnx.helper.make_node(operator, list(inputs), [full], name=full, **attributes))
        return full

    # -- what is written more than once ---------------------------------------------------------------------------

    def cast(self, value: str, dtype: str, *, name: str) -> str:
        """The values in another dtype; floats become whole numbers by cutting off."""
        return self.add("Cast", value, name=name, to=onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def double(self, value: float) -> str:
        """A number in float64."""
        return self.constant(value, "float64")

    def whole(self, value: int) -> str:
        """A whole number, int64."""
        return self.constant(value, "int64")

    def counting(self, begin: str, count: str, *, name: str) -> str:
        """The whole numbers from `begin` on, so many."""
        end = self.add("Add", begin, count, name=f"{name}/end")
        return self.add("Range", begin, end, self.whole(1), name=name)
