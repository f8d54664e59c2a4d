"""Attention whose mask lets nothing through: 0 in PyTorch, and so in the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from checking import plan_of
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from zoo_core import TensorSpec
from zoo_core.export.bundle import export
from zoo_core.runtime import open_model


class Attending(nn.Module):
    """Tokens, of which 0 is padding."""

    def __init__(self) -> None:
        super().__init__()
        self.vectors = nn.Embedding(9, 6)

    def forward(self, tokens: Tensor) -> Tensor:
        vectors = self.vectors(tokens)
        return scaled_dot_product_attention(vectors, vectors, vectors, attn_mask=(tokens != 0).unsqueeze(1)).sum(1)


@pytest.mark.heavy
def test_a_text_of_padding_alone_is_verified_and_gives_0(tmp_path: Path) -> None:
    inputs = {"tokens": TensorSpec("N", 5, dtype="int64", low=0, high=9)}
    plan = plan_of(Attending, inputs=inputs, outputs={"y": TensorSpec("N", 6)})
    assert export(plan, tmp_path / "export").outcome == "verified"
    found = open_model(tmp_path / "export").run({"tokens": np.array([[0] * 5, [1, 2, 0, 0, 0]])})["y"]
    assert (found[0] == 0).all()
    assert np.isfinite(found).all()
    assert found[1].any()
