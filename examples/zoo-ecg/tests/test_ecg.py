from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from zoo_core import ZooError
from zoo_core.testing import conformance

from zoo_ecg import ecg_waves
from zoo_ecg.recordings import RATE

test_conformance = conformance("ecg")


def load(**options: Any) -> Any:
    return ecg_waves(Path(), split="train", download=False, **options)


def test_each_beat_has_its_waves_in_order() -> None:
    split = load(count=50, length=1024, noise=0.0)
    for sequence, mask in zip(split.inputs[:, 0], split.targets, strict=True):
        mask = mask.astype(int)
        inside = np.flatnonzero((np.diff(mask, prepend=0) != 0) & (mask > 0))
        starts = [int(number) for number in mask[inside]]
        first = starts.index(1)
        beats = len(starts[first:]) // 3
        assert starts[first : first + 3 * beats] == [1, 2, 3] * beats
        assert 2 <= beats <= 8
        assert mask[np.argmax(sequence)] == 2  # the highest value is an R peak
    assert split.inputs.shape == (50, 1, 1024)
    assert 1024 / RATE > 4


def test_noise_is_what_was_asked_for() -> None:
    still, noisy = load(noise=0.0), load(noise=0.2)
    assert np.std(noisy.inputs - still.inputs) == pytest.approx(0.2, rel=0.02)
    assert np.array_equal(still.targets, noisy.targets)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 63}, "length is 64 to 100,000, not 63"),
        ({"noise": 1.5}, "noise is 0.0 to 1.0, not 1.5"),
        ({"seed": -1}, "seed is 0 to"),
        ({"length": 100_000, "count": 10_000}, "10,000 recordings of 100,000 values are too many"),
    ],
)
def test_options_that_it_cannot_take(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ZooError, match=message):
        load(**options)
