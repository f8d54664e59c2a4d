"""An exporter that plants a fault, in this process."""

from __future__ import annotations

import numpy as np
import onnx_ir
import pytest
import torch


def sabotage(monkeypatch: pytest.MonkeyPatch, *, in_optimiser: bool) -> None:
    """From now on the exporter, or its optimiser, gives lenet5's second convolution weights that are too large."""
    honest = torch.onnx.export

    def sabotaged(*arguments: object, **options: object) -> object:
        program = honest(*arguments, **options)
        optimize = program.optimize

        def plant() -> None:
            if in_optimiser:
                optimize()
            value = program.model.graph.initializers["conv2.weight"]
            value.const_value = onnx_ir.tensor(value.const_value.numpy() * np.float32(1.01), name=value.name)

        if in_optimiser:
            program.optimize = plant
        else:
            plant()
        return program

    monkeypatch.setattr(torch.onnx, "export", sabotaged)
