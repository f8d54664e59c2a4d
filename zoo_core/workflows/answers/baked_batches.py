"""Samples for a file that prepares its pictures itself: as they are, those of one size after each other together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.data import BoundDataset, Samples
from zoo_core.data.raw_pictures import RawPictures, raw_pictures, stored_pictures
from zoo_core.errors import ZooError
from zoo_core.runtime.reading.metadata import Metadata
from zoo_core.runtime.running.model import ExportedModel
from zoo_core.shapes import TensorSpec

_TOGETHER = 16
_MOST_VALUES = 1 << 24
"""Of the pictures that are held at a time."""


def prepared_inputs(metadata: Metadata) -> Mapping[str, TensorSpec]:
    """What a dataset looks like that is prepared for the model inside the file: its truth is prepared alike."""
    recipe = metadata.preprocess
    if not metadata.baked or recipe is None:
        return metadata.inputs
    ((name, spec),) = metadata.inputs.items()
    height, width = recipe.size or spec.axes[1:3]
    sides = (recipe.channels, height, width) if recipe.layout == "NCHW" else (height, width, recipe.channels)
    return {name: TensorSpec(spec.axes[0], *sides)}


def pictures_as_they_are(bound: BoundDataset, samples: Samples, split: str, *, download: bool) -> RawPictures:
    """The pictures of all samples of a split, in their order."""
    recipe = bound.preprocess
    if recipe is None:
        raise ZooError(f"dataset {bound.name} has no pictures", hint="zoo list datasets shows those that have")
    if recipe.resize is None and recipe.crop is None:  # also tiles, which are cut out of larger ones
        return stored_pictures(samples.main, recipe)
    return raw_pictures(bound.part(split, download=download)[0], without=samples.skipped)


def baked_batches(model: ExportedModel, samples: Samples) -> Iterator[tuple[slice, dict[str, NDArray[Any]]]]:
    """Which samples, and their outputs."""
    pictures = samples.pictures
    if pictures is None:
        raise ZooError(f"{model.path} takes pictures as they are, and these samples are prepared already")
    start, held = 0, [pictures[0]]
    for place in range(1, len(pictures) + 1):
        following = pictures[place] if place < len(pictures) else None
        first = held[0]
        room = len(held) < _TOGETHER and first.size * (len(held) + 1) <= _MOST_VALUES
        if following is not None and following.shape == first.shape and room:
            held.append(following)
            continue
        yield slice(start, place), model.run_rows({model.input_name: np.stack(held)})
        start, held = place, [] if following is None else [following]
