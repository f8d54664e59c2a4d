"""The recipe of pictures: what `Preprocess` says, carried out by `zoo_core.preprocess`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.file_limits import MAX_PICTURE_BYTES
from zoo_core.picture_recipe import Preprocess
from zoo_core.pictures import read_picture
from zoo_core.preprocess import convert_color, normalize, resize_picture
from zoo_core.recipe_spec import Recipe

from .recipe import InputRecipe

NAME = "picture"


class PictureRecipe(InputRecipe):
    """Pictures are stored as uint8 (C, h, w), resized once, and become float32."""

    most_bytes = MAX_PICTURE_BYTES

    def __init__(self, preprocess: Preprocess) -> None:
        self.preprocess: Preprocess = preprocess
        fields = {**preprocess.to_json(), "resize": _as_tuple(preprocess.resize), "crop": _as_tuple(preprocess.crop)}
        self.recipe = Recipe(NAME, **fields)

    @classmethod
    def of_fields(cls, resize: tuple[int, ...], crop: tuple[int, ...], rest: Preprocess) -> PictureRecipe:
        """The recipe with sizes as lists have them. Raises ZooError for sizes that cannot be."""
        if len(resize) > 2 or len(crop) not in {0, 2}:
            raise ZooError(f"recipe {NAME}: resize has up to two numbers and crop two, not {resize} and {crop}")
        side = (resize[0] if len(resize) == 1 else (resize[0], resize[1])) if resize else None
        made = dataclasses.replace(rest, resize=side, crop=(crop[0], crop[1]) if crop else None)
        made.check_sizes()
        return cls(made)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(C, h, w) in the layout of the recipe."""
        height, width = self.preprocess.size or (None, None)
        channels = self.preprocess.channels
        return (channels, height, width) if self.preprocess.layout == "NCHW" else (height, width, channels)

    def read(self, source: Any, *, name: str) -> NDArray[np.uint8]:
        """The pixels, resized: uint8 (C, h, w)."""
        color = self.preprocess.color
        if isinstance(source, np.ndarray):
            if source.dtype != np.uint8 or source.ndim not in {2, 3} or not source.size:
                raise ZooError(
                    f"{name}: pixels are uint8 (height, width) or (height, width, 3), "
                    f"not {source.dtype} of shape {source.shape}"
                )
            pixels = convert_color(source.reshape(1, *source.shape[:2], -1), color)[0]
        elif isinstance(source, bytes):
            pixels = read_picture(source, color=color, name=name)
        else:
            raise ZooError(f"{name} is a {type(source).__name__}, and no picture", hint="a file, or an array of pixels")
        return resize_picture(pixels, self.preprocess).transpose(2, 0, 1)

    def stack(self, samples: Sequence[Any]) -> NDArray[np.uint8]:
        """uint8 (N, C, h, w). Raises ZooError for pictures that differ in size."""
        if len({sample.shape for sample in samples}) > 1:
            raise ZooError("pictures of one input differ in size", hint="a recipe with resize=(height, width)")
        return np.stack(samples)

    def prepare(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """float32, in the layout of the recipe."""
        return normalize(stored, self.preprocess)


def _as_tuple(size: int | tuple[int, int] | None) -> tuple[int, ...]:
    return () if size is None else (size,) if isinstance(size, int) else size
