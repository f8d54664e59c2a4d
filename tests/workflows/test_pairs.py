"""Pairs are an ordinary binary classification over two named inputs: a siamese net learns which digits are the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from digit_pairs import PAIRS

from zoo_core.runtime import open_model


@pytest.mark.slow
def test_a_siamese_net_is_trained_exported_and_asked(
    fake_distribution: Callable[..., Path], zoo_here: Callable[..., Any]
) -> None:
    fake_distribution("zoo-pairs", PAIRS)
    trained = zoo_here("train", "siamese", "--dataset", "digit-pairs", "-d", "count=4000", "--json")
    assert trained.code == 0, trained.stderr
    exported = zoo_here("export", "siamese-digit-pairs", "--json")
    assert exported.json["outcome"] == "verified", exported.stdout
    measured = zoo_here("eval", "export:siamese-digit-pairs", "--json")
    assert measured.json["metrics"]["accuracy"] > 0.9
    assert measured.json["metrics"] == pytest.approx(zoo_here("eval", "siamese-digit-pairs", "--json").json["metrics"])
    model = open_model("exported/siamese-digit-pairs")
    left, right = np.random.default_rng(0).random((2, 3, 1, 8, 8), np.float32)
    found = model.run({"left": left, "right": right})["logits"]
    np.testing.assert_allclose(found, model.run({"left": right, "right": left})["logits"], rtol=1e-5)
    assert len(np.unique(found)) == 3
