"""Pictures of a split as they are: RGB, of their own size, read when they are asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo_core import Preprocess, ZooError
from zoo_core.data.raw_pictures import raw_pictures, stored_pictures
from zoo_core.data.splits import ArraySplit, FileSplit

TARGETS = np.zeros(3, np.int64)


def test_arrays_are_grey_or_rgb() -> None:
    grey = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
    found = raw_pictures(ArraySplit(inputs={"image": grey}, targets=TARGETS))
    assert len(found) == 3
    np.testing.assert_array_equal(found[1], np.repeat(grey[1][..., None], 3, axis=2))
    colours = np.stack([grey, grey + 1, grey + 2], axis=3)
    np.testing.assert_array_equal(raw_pictures(ArraySplit(inputs={"image": colours}, targets=TARGETS))[2], colours[2])


def test_files_have_their_own_sizes_and_some_are_left_out(tmp_path: Path) -> None:
    paths = tuple(tmp_path / f"{number}.png" for number in range(3))
    for number, path in enumerate(paths):
        Image.new("L", (4 + number, 3), 50 * number).save(path)
    found = raw_pictures(FileSplit(paths=paths, targets=TARGETS), without=[paths[1]])
    assert [picture().shape for picture in found.readers()] == [(3, 4, 3), (3, 6, 3)]
    assert found.at([1])[0].max() == 100
    paths[0].unlink()
    with pytest.raises(ZooError, match=r"0\.png"):
        _ = found[0]


@pytest.mark.parametrize("color", ["RGB", "BGR", "L"])
def test_what_is_stored_in_its_own_size_is_as_it_was(color: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3), dtype=np.uint8)
    stored = {"RGB": pixels, "BGR": pixels[..., ::-1], "L": pixels[..., :1]}[color].transpose(0, 3, 1, 2)
    found = stored_pictures(stored, Preprocess(color=color))  # type: ignore[arg-type]
    wanted = np.repeat(pixels[..., :1], 3, axis=3) if color == "L" else pixels
    np.testing.assert_array_equal(np.stack([found[0], found[1]]), wanted)


def test_a_few_of_many_are_from_all_over() -> None:
    many = raw_pictures(
        ArraySplit(inputs={"image": np.arange(100, dtype=np.uint8).reshape(100, 1, 1)}, targets=TARGETS)
    )
    assert [int(picture().max()) for picture in many.spread(4).readers()] == [0, 33, 66, 99]
    assert len(many.spread(500)) == 100
