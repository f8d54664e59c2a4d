"""From what was given to answers, one after the other: a bad input has an error, and the others go on."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import UsageError, ZooError
from zoo_core.preprocess import normalize, stack_pictures
from zoo_core.specs import Preprocess

from .arrangement import arrange
from .by_recipes import predictions_by_recipes
from .faults import WrongExportError
from .outcomes import BATCH_VALUES, Outcome, Prediction, in_blocks, naming, prediction, run_named
from .sources import Named, Source, named, numbers_of, pixels_of
from .tiling import Tiling, check_tiling, tiled_answer

if TYPE_CHECKING:
    from .model import ExportedModel


def predictions_of(
    model: ExportedModel, sources: Iterable[Source], *, tiling: Tiling | None = None
) -> Iterator[Prediction]:
    """One prediction for each sample of the sources, in their order; few of them are in memory at a time.

    With a `tiling`, pictures keep their own size, and are run in tiles.

    Raises ZooError, before any source is read, for a model that cannot answer, and WrongExportError for a file whose
    outputs are not what it says.
    """
    if not model.meaning.spec.answers:
        raise ZooError(
            f"{model.path}: {model.task} has no answers for people yet", hint="in Python, run(...) gives the outputs"
        )
    if tiling is not None:
        check_tiling(model, tiling)
    if model.recipes or len(model.metadata.inputs) > 1:
        return predictions_by_recipes(model, named(sources))
    if model.preprocess is not None and tiling is not None:
        return _of_large_pictures(model, named(sources), model.preprocess, tiling)
    if model.preprocess is not None:
        return _of_pictures(model, named(sources), model.preprocess)
    return itertools.chain.from_iterable(_of_numbers(model, each) for each in named(sources))


def _of_pictures(model: ExportedModel, given: Iterator[Named], recipe: Preprocess) -> Iterator[Prediction]:
    values = BATCH_VALUES if recipe.size is None else recipe.channels * recipe.size[0] * recipe.size[1]
    for block in in_blocks(given, model, values=values):
        read = [_read_picture(each, recipe) for each in block]
        names = [each.name for each, picture in zip(block, read, strict=True) if isinstance(picture, tuple)]
        stored = [picture[0] for picture in read if isinstance(picture, tuple)]
        outcomes = iter(
            run_named(model, {model.input_name: normalize(np.concatenate(stored), recipe)}, names) if stored else ()
        )
        for each, picture in zip(block, read, strict=True):
            if isinstance(picture, ZooError):
                outcome: Outcome = picture
            else:
                outcome = _in_size(next(outcomes), picture[1], model, recipe)
            yield prediction(each, outcome)


def _of_large_pictures(
    model: ExportedModel, given: Iterator[Named], recipe: Preprocess, tiling: Tiling
) -> Iterator[Prediction]:
    own_size = dataclasses.replace(recipe, resize=None, crop=None)
    for each in given:
        try:
            outcome: Outcome = tiled_answer(model, pixels_of(each, color=recipe.color), own_size, tiling)
        except (WrongExportError, UsageError):
            raise
        except ZooError as error:
            outcome = error
        yield prediction(each, outcome)


def _read_picture(given: Named, recipe: Preprocess) -> tuple[NDArray[np.uint8], tuple[int, int]] | ZooError:
    """A picture in its stored form, (1, C, h, w), and its own size."""
    try:
        pixels = pixels_of(given, color=recipe.color)
    except UsageError:
        raise  # a mistyped variable makes every picture unreadable
    except ZooError as error:
        return error
    try:
        return stack_pictures([(given.name, pixels)], 1, recipe), (pixels.shape[0], pixels.shape[1])
    except ZooError as error:
        return naming(given.name, error)


def _in_size(outcome: Outcome, size: tuple[int, int], model: ExportedModel, recipe: Preprocess) -> Outcome:
    """An answer about the picture itself; masks in its size, where the recipe resized it and cut nothing off."""
    if isinstance(outcome, ZooError):
        return outcome
    if model.meaning.gives != "masks" or recipe.resize is None or recipe.crop is not None:
        return model.meaning.in_picture(outcome, size=size, recipe=recipe)
    return {name: stretched(array, size) for name, array in outcome.items()}


def _of_numbers(model: ExportedModel, given: Named) -> Iterator[Prediction]:
    spec = model.metadata.inputs[model.input_name]
    sequences = model.meaning.gives == "sequences"
    try:
        numbers = numbers_of(given, dtype=spec.dtype)
        found = arrange(numbers.values, spec, sequences=sequences, where=given.name)
    except ZooError as error:
        yield prediction(given, error)
        return
    for block in in_blocks(range(len(found.rows)), model, values=found.rows[0].size):
        part = found.rows[block[0] : block[-1] + 1]
        names = [f"{given.name}[{row}]" if found.several else given.name for row in block]
        for row, outcome in zip(block, run_named(model, {model.input_name: part}, names), strict=True):
            if sequences and not isinstance(outcome, ZooError):
                values = found.rows[row]
                outcome = {**outcome, "values": values.T.reshape(values.shape[-1], -1)}
            yield prediction(given, outcome, row=row if found.several else None, header=numbers.header)


def stretched(array: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """A mask (h, w) brought to another size (height, width); each place takes the value of the one nearest to it."""
    rows, columns = (
        ((np.arange(wanted) + 0.5) * have / wanted).astype(np.int64)
        for have, wanted in zip(array.shape, size, strict=True)
    )
    return array if array.shape == size else array[np.ix_(rows, columns)]
