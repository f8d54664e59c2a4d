"""Augmented samples are the very pixels that a training sees."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zoo_core import Preprocess
from zoo_core.data import Samples
from zoo_core.training import Augment, Feed
from zoo_plugins.plot.augmented import draw_augmented
from zoo_plugins.plot.samples import choose_evenly


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_the_augmented_samples_are_those_that_a_training_sees(layout: Any) -> None:
    rng = np.random.default_rng(0)
    samples = Samples(
        inputs={"image": rng.integers(0, 256, (20, 3, 16, 16), dtype=np.uint8)},
        targets=np.arange(20) % 4,
        form="classes",
        classes=("a", "b", "c", "d"),
        recipes={"image": Preprocess(mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4), layout=layout)},
        fingerprint="",
    )
    names = ("flip", "crop")  # no pixel is mixed with another: what is drawn is exact
    figure = draw_augmented(samples, asked="usual", usual=names, title="drawn")
    cells = [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]
    chosen = choose_evenly(samples.targets, 6)
    assert len(cells) == 6 * 6
    feed = Feed(samples, batch_size=20, augment=Augment(names=names, seed=0))
    for epoch in range(6):
        if epoch:
            inputs, _ = next(feed.shuffled(seed=0, epoch=epoch))
            seen = inputs.numpy() if layout == "NHWC" else inputs.permute(0, 2, 3, 1).numpy()
            pictures = np.rint((seen * (0.2, 0.3, 0.4) + (0.5, 0.4, 0.3)) * 255).astype(np.uint8)
        else:
            pictures = samples.main.transpose(0, 2, 3, 1)
        drawn = [cells[6 * row + epoch] for row in range(6)]
        for row, cell in enumerate(drawn):
            assert any(np.array_equal(cell, picture) for picture in pictures), (epoch, row)
    assert all(
        np.array_equal(cells[6 * row], samples.main[index].transpose(1, 2, 0)) for row, index in enumerate(chosen)
    )
