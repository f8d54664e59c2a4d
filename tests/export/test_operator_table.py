"""What PyTorch's exporter makes of each operator is worked out once in a process, and each conversion has its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from checking import plan_of
from torch import nn
from torch.onnx._internal.exporter._registration import ONNXRegistry

from zoo_core import TensorSpec
from zoo_core.export.bundle import export
from zoo_core.export.convert.operator_table import operator_table_kept

OPSET = 20


def test_a_second_export_in_one_process_works_out_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest, made = ONNXRegistry.from_torchlib, []

    def counted(*arguments: Any, **options: Any) -> ONNXRegistry:
        made.append(options)
        return honest(*arguments, **options)

    monkeypatch.setattr(ONNXRegistry, "from_torchlib", staticmethod(counted))
    linear = plan_of(lambda: nn.Linear(5, 4), inputs={"x": TensorSpec("N", 5)}, outputs={"y": TensorSpec("N", 4)})
    for name in ("first", "second"):
        assert export(linear, tmp_path / name).outcome == "verified"
    assert len(made) <= 1
    assert ONNXRegistry.from_torchlib is counted


def test_what_one_conversion_adds_is_not_in_the_table_of_the_next() -> None:
    with operator_table_kept():
        first = ONNXRegistry.from_torchlib(OPSET)
        ways = first.functions["aten::relu"]
        ways.clear()
        first.functions.pop("aten::tanh")
        second = ONNXRegistry().from_torchlib(opset_version=OPSET)
    assert second.functions["aten::relu"]
    assert second.functions.keys() == ONNXRegistry.from_torchlib(OPSET).functions.keys()
    assert second.opset_version == OPSET


def test_operators_of_a_library_that_is_imported_later_are_there(tmp_path: Path) -> None:
    code = """
from torch.onnx._internal.exporter._registration import ONNXRegistry
from zoo_core.export.convert.operator_table import operator_table_kept

found = []
with operator_table_kept():
    for name in ("torch", "torchvision"):
        __import__(name)
        found.append("torchvision::nms" in ONNXRegistry.from_torchlib(20).functions)
print(found)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "[False, True]\n"
