"""Float64 for modules that are written for float32: large layers are widened a part at a time, and are the same."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from zoo_core.export.reference.float64 import PART, in_double


@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_that_is_widened_in_parts_is_the_same(bias: bool) -> None:
    layer = nn.Linear(2048, 2 * PART // 2048 + 3, bias=bias)
    rows = torch.rand(3, 2048, dtype=torch.float64)
    with torch.no_grad():
        expected = nn.functional.linear(rows, layer.weight.double(), layer.bias.double() if bias else None)
        with in_double():
            found = layer(rows)
    assert found.dtype is torch.float64
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-13)


def test_explicit_float32_is_widened_too() -> None:
    with torch.no_grad(), in_double():
        assert nn.Linear(3, 2)(torch.rand(1, 3, dtype=torch.float64).float()).dtype is torch.float64
