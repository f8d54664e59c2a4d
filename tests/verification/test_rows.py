"""The rows that a file is fed with: frozen numbers, kinds, batches, ranges."""

from __future__ import annotations

import numpy as np
import pytest

from zoo_core import TensorSpec
from zoo_core.specs import Preprocess
from zoo_core.verification.feed.rows import batches_of, frozen_uniform, make_rows, plausible_range

FROZEN = [0.7441468238830566, -0.4092693328857422, -0.15980470180511475, -0.1892155408859253]


def test_frozen_numbers_never_change() -> None:
    # Written down once: a file exported today is checked with these for ever.
    found = frozen_uniform((4,), seed=7, low=-1.0, high=1.0)
    assert found.dtype == np.float32
    assert found.tolist() == FROZEN
    many = frozen_uniform((100_000,), seed=1, low=0.0, high=2.0)
    assert many.min() >= 0
    assert many.max() < 2
    assert abs(float(many.mean()) - 1) < 0.01


@pytest.mark.parametrize("count", [1, 2, 3, 5, 6, 11, 12, 64])
def test_batches_hold_every_row_in_sizes_1_2_3_5(count: int) -> None:
    batches = batches_of(count)
    assert {row for batch in batches for row in batch} == set(range(count))
    assert [len(batch) for batch in batches[:4]] == [1, 2, 3, 5]


def test_rows_have_every_kind_and_the_declared_dtype() -> None:
    spec = {"image": TensorSpec("N", 1, 4, 4)}
    samples = {"image": np.ones((3, 1, 4, 4), np.float32)}
    rows = make_rows(spec, ranges={"image": (-2.0, 3.0)}, given={"sample": samples})
    assert set(rows.kinds) == {"sample", "noise", "zeros", "constant", "extreme"}
    assert rows.inputs["image"].shape == (len(rows), 1, 4, 4)
    noise = rows.inputs["image"][[kind == "noise" for kind in rows.kinds]]
    assert noise.min() >= -2
    assert noise.max() <= 3
    assert np.abs(rows.inputs["image"]).max() > 20


def test_the_range_of_an_input_follows_declaration_then_preprocessing() -> None:
    assert plausible_range(TensorSpec("N", 3, low=0.0, high=5.0), None) == (0.0, 5.0)
    low, high = plausible_range(TensorSpec("N", 1), Preprocess(color="L", mean=(0.5,), std=(0.25,)))
    assert (low, high) == (-2.0, pytest.approx(2.0))
    assert plausible_range(TensorSpec("N", 1), None) == (-1.0, 1.0)
