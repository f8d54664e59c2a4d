"""Pictures of a split as they are, for files that prepare them themselves."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.pictures import content_of, read_picture
from zoo_core.preprocess import convert_color
from zoo_core.specs import Preprocess

from .splits import FileSplit, Split, StreamSplit, arrays_of

Pixels = NDArray[np.uint8]


class RawPictures:
    """Pictures in RGB, uint8 (H, W, 3), each of its own size, and read when it is asked for."""

    def __init__(self, read: Callable[[int], Pixels], places: Sequence[int]) -> None:
        self._read = read
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, place: int) -> Pixels:
        return self._read(self._places[place])

    def readers(self) -> Iterator[Callable[[], Pixels]]:
        """For each of them what reads it."""
        return (functools.partial(self._read, place) for place in self._places)

    def at(self, places: Sequence[int] | NDArray[np.int64]) -> RawPictures:
        """Some of them, in that order."""
        return RawPictures(self._read, [self._places[int(place)] for place in places])

    def spread(self, count: int) -> RawPictures:
        """So many, from all over them; all where there are fewer."""
        return self.at(np.unique(np.linspace(0, len(self) - 1, min(count, len(self))).astype(np.int64)))


def raw_pictures(split: Split, *, without: Collection[Path] = ()) -> RawPictures:
    """Those of a split as its loader gives it, but for the files `without`. What cannot be read is told when it is."""
    if isinstance(split, FileSplit):
        paths, misnamed = split.paths, split.misnamed
        left_out = set(without)

        def read(place: int) -> Pixels:
            return read_picture(content_of(paths[place]), color="RGB", name=str(paths[place]), misnamed=misnamed)

        return RawPictures(read, [place for place, path in enumerate(paths) if path not in left_out])
    if isinstance(split, StreamSplit):
        give, numbers = split.reader(**split.arguments), split.chosen
        return RawPictures(lambda place: _given(give(int(numbers[place])), f"picture {place}"), range(len(split)))
    arrays = next(iter(arrays_of(split).values()))
    return RawPictures(lambda place: _of_array(arrays[place], f"picture {place}"), range(len(arrays)))


def stored_pictures(stored: Pixels, recipe: Preprocess) -> RawPictures:
    """Pictures that a recipe keeps in their own size, from their stored form (N, C, h, w)."""

    def read(place: int) -> Pixels:
        pixels = stored[place].transpose(1, 2, 0)
        ordered = pixels[..., ::-1] if recipe.color == "BGR" else pixels
        return np.ascontiguousarray(convert_color(ordered[np.newaxis], "RGB")[0])

    return RawPictures(read, range(len(stored)))


def _given(sample: Any, name: str) -> Pixels:
    """One picture of a stream, whose samples may be a mapping of one source."""
    return _of_array(next(iter(sample.values())) if isinstance(sample, Mapping) else sample, name)


def _of_array(given: Any, name: str) -> Pixels:
    """One picture of a loader: pixels, grey or RGB, or the file that they are in, or its content."""
    if isinstance(given, Path):
        return read_picture(content_of(given), color="RGB", name=str(given))
    if isinstance(given, bytes):
        return read_picture(given, color="RGB", name=name)
    pixels = np.asarray(given)
    if pixels.dtype != np.uint8 or pixels.ndim not in {2, 3}:
        raise ZooError(f"{name}: pixels are uint8 (H, W) or (H, W, C), not {pixels.dtype} of shape {pixels.shape}")
    return np.ascontiguousarray(convert_color(pixels.reshape(1, *pixels.shape[:2], -1), "RGB")[0])
