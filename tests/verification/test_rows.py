"""The rows that a file is fed with: frozen numbers, kinds, batches, ranges."""

from __future__ import annotations

import numpy as np
import pytest

from zoo_core import TensorSpec, ZooError
from zoo_core.specs import Preprocess
from zoo_core.verification.feed.rows import (
    batches_of,
    frozen_integers,
    frozen_uniform,
    frozen_values,
    make_rows,
    plausible_range,
)

FROZEN = [0.7441468238830566, -0.4092693328857422, -0.15980470180511475, -0.1892155408859253]
INTEGERS = [892, 999, 650, 912, 10, 144]


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


def test_frozen_integers_never_change_and_reach_both_ends() -> None:
    # Written down once, as the floats are.
    assert frozen_integers((6,), seed=7, low=10, high=1000).tolist() == INTEGERS
    for count, low, high in ((2, -5, 10**12), (3, 0, 2**62), (50, 1, 30), (7, -3, 4)):
        drawn = frozen_integers((count,), seed=1, low=low, high=high)
        assert (drawn.min(), drawn.max()) == (low, high - 1)
        assert drawn.dtype == np.int64
        if high - low <= count:
            assert set(drawn.tolist()) == set(range(low, high))


def test_masks_are_mixed_and_bytes_have_their_whole_dtype() -> None:
    mask = frozen_values((4, 40), dtype="bool", seed=3, low=0, high=1)
    assert (mask.dtype, mask.sum(axis=1).tolist()) == (np.bool_, [20, 35, 5, 20])
    assert len({frozen_values((4, 40), dtype="bool", seed=seed, low=0, high=1).tobytes() for seed in range(5)}) == 5
    for count in (2, 3, 7):
        single = frozen_values((count,), dtype="bool", seed=count, low=0, high=1)
        assert 0 < single.sum() < count
    assert plausible_range(TensorSpec("N", dtype="uint8"), None) == (0, 256)
    assert plausible_range(TensorSpec("N", dtype="int8"), None) == (-128, 128)
    picture = frozen_values((3, 9, 9), dtype="uint8", seed=1, low=0, high=256)
    assert (picture.min(), picture.max(), picture.dtype) == (0, 255, np.uint8)


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_integers_without_a_range_are_told_with_what_to_declare(dtype: str) -> None:
    with pytest.raises(ZooError, match=rf"{dtype} \(N, 4\) has no range") as caught:
        plausible_range(TensorSpec("N", 4, dtype=dtype), None)
    assert "low=0, high=N" in str(caught.value.hint)


def test_rows_of_integers_and_masks_hold_every_value_and_nothing_that_is_not_allowed() -> None:
    specs = {
        "expert": TensorSpec("N", dtype="int64", low=1, high=8),
        "tokens": TensorSpec("N", 6, dtype="int32", low=1, high=30),
        "mask": TensorSpec("N", 5, dtype="bool"),
    }
    rows = make_rows(specs, ranges={name: plausible_range(spec, None) for name, spec in specs.items()})
    assert set(rows.inputs["expert"].tolist()) == set(range(1, 8))
    assert (rows.inputs["tokens"].min(), rows.inputs["tokens"].max()) == (1, 29)
    noise = rows.inputs["mask"][list(rows.of("noise"))]
    assert 0 < noise.sum() < noise.size
    assert not rows.inputs["mask"][list(rows.of("zeros"))].any()
    assert rows.inputs["mask"][list(rows.of("constant"))].all()
    assert all(len(value) == len(rows) for value in rows.inputs.values())
