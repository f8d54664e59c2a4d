"""PyTorch's table of what each operator becomes: its exporter makes it anew for each conversion, from source code."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from typing import Any

import torch

BROUGHT_LATER = frozenset({"torchvision", "quantized_decomposed"})
"""Namespaces of operators that the table has rows for only once their library is imported."""

_made: dict[tuple[int | None, frozenset[str]], Any] = {}


@contextlib.contextmanager
def operator_table_kept() -> Iterator[None]:
    """Inside, the exporter gets a copy of the table that this process has made before, which saves 0.4 s.

    Where a version of PyTorch has no such table at this place, all stays as it is.
    """
    try:
        from torch.onnx._internal.exporter import _registration

        tables: Any = _registration.ONNXRegistry
        make, method = tables.from_torchlib, vars(tables)["from_torchlib"]
    except (ImportError, AttributeError, KeyError):
        yield
        return

    def kept(opset_version: int | None = None) -> Any:
        there = {name.partition("::")[0] for name in torch._C._dispatch_get_all_op_names()}
        key = opset_version, BROUGHT_LATER & there
        if key not in _made:
            _made[key] = make() if opset_version is None else make(opset_version)
        own = copy.copy(_made[key])
        own.functions = {operator: list(ways) for operator, ways in own.functions.items()}
        return own

    tables.from_torchlib = staticmethod(kept)
    try:
        yield
    finally:
        tables.from_torchlib = method
