"""How pictures become rows of a model: prepared here, or handed on as they are to a file that prepares them itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import UsageError, ZooError
from zoo_core.picture_geometry import crop_box, resized_size
from zoo_core.pictures import pixels_in
from zoo_core.preprocess import normalize, stored_image
from zoo_core.specs import Preprocess

from .outcomes import BATCH_VALUES, naming
from .sources import Named, image_of


@dataclass(frozen=True)
class Picture:
    """A picture that was read: one row, prepared or not; and its own size, (height, width)."""

    rows: NDArray[Any]
    size: tuple[int, int]


@dataclass(frozen=True)
class PictureRows:
    """The way from a picture to a row: what `recipe` says, where the file has not `baked` it in."""

    recipe: Preprocess
    baked: bool = False

    @property
    def color(self) -> Literal["RGB", "BGR", "L"]:
        """The colours in which pictures are read."""
        return "RGB" if self.baked else self.recipe.color

    @property
    def differ(self) -> bool:
        """Whether rows may differ in size, so that each is run alone."""
        return self.baked or self.recipe.size is None

    @property
    def values(self) -> int:
        """Numbers in a row; many where rows differ."""
        size = self.recipe.size
        return BATCH_VALUES if self.differ or size is None else self.recipe.channels * size[0] * size[1]

    def read(self, given: Named) -> Picture | ZooError:
        """A picture as the model takes it. One that keeps its own size is normalized when it is run: it is large."""
        try:
            image = image_of(given, color=self.color)
        except UsageError:
            raise  # a mistyped variable makes every picture unreadable
        except ZooError as error:
            return error
        size = image.height, image.width
        try:
            if self.baked:
                check_geometry(size, self.recipe)
                return Picture(pixels_in(image, self.color)[np.newaxis], size)
            stored = stored_image(image, self.recipe)[np.newaxis]
        except ZooError as error:
            return naming(given.name, error)
        return Picture(stored if self.differ else normalize(stored, self.recipe), size)

    def together(self, pictures: Sequence[Picture]) -> NDArray[Any]:
        """Rows of one size as one input."""
        rows = np.concatenate([picture.rows for picture in pictures])
        return normalize(rows, self.recipe) if self.differ and not self.baked else rows


def check_geometry(size: tuple[int, int], recipe: Preprocess) -> None:
    """Raise ZooError for a picture of such a size (height, width) that its recipe cannot be carried out."""
    resized = resized_size(*size, recipe.resize)
    if recipe.crop is not None:
        crop_box(*resized, recipe.crop)
