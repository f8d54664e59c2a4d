"""From what was given to answers, one after the other: a bad input has an error, and the others go on."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.environment import usable_processors
from zoo_core.errors import UsageError, ZooError
from zoo_core.specs import Preprocess

from .ahead import Reading
from .arrangement import arrange
from .by_recipes import predictions_by_recipes
from .faults import WrongExportError
from .outcomes import (
    BATCH_VALUES,
    LARGEST_BLOCK,
    Outcome,
    Prediction,
    block_sizes,
    in_blocks,
    passed_over,
    prediction,
    run_named,
)
from .picture_rows import Picture, PictureRows
from .sources import Named, Source, is_held, named, numbers_of, pixels_of
from .tiling import Tiling, check_tiling, tiled_answer

if TYPE_CHECKING:
    from .model import ExportedModel

AHEAD_VALUES = 1 << 23
"""Values of inputs that are read ahead: 32 MB. Of pictures that keep their own size, that is one for each processor."""


def predictions_of(
    model: ExportedModel,
    sources: Iterable[Source],
    *,
    tiling: Tiling | None = None,
    ahead: int | None = None,
    done: int = 0,
) -> Iterator[Prediction]:
    """One prediction for each sample of the sources, in their order; few of them are in memory at a time.

    With a `tiling`, pictures keep their own size, and are run in tiles. `ahead`: how many more are read than are run,
    None as many as `usual_ahead` says. `done`: so many of the first samples are passed over, but for those that are run
    together with one that is not: then every answer has the same bits as if none were passed over.

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
        return predictions_by_recipes(model, named(sources), done=done)
    if model.preprocess is not None:
        way = PictureRows(model.preprocess, baked=model.metadata.baked)
        values = way.values if tiling is None else BATCH_VALUES
        ahead = usual_ahead(sources, values) if ahead is None else ahead
        if tiling is not None:
            return _of_large_pictures(model, named(sources), model.preprocess, tiling, ahead=ahead, done=done)
        return _of_pictures(model, named(sources), way, ahead=ahead, done=done)
    return _of_numbers(model, named(sources), done=done)


def usual_ahead(sources: Iterable[Source], values: int) -> int:
    """How many inputs of so many values are read ahead of those that are run: a block and two for each processor, or
    what fits into little memory. None of an iterator: it is asked for no more than is run."""
    processors = usable_processors()
    most = max(processors, AHEAD_VALUES // values)
    return min(LARGEST_BLOCK + 2 * processors, most) if isinstance(sources, Sequence) else 0


def _of_pictures(
    model: ExportedModel, given: Iterator[Named], way: PictureRows, *, ahead: int, done: int
) -> Iterator[Prediction]:
    with Reading(given, way.read, here=is_held) as reading:
        for size in block_sizes(model, values=way.values):
            if done >= size:
                yield from map(passed_over, itertools.islice(given, size))
                done -= size
                continue
            done = 0
            if not (block := reading.taken(size, ahead=ahead)):
                return
            with reading.resting():
                outcomes = iter(_run_pictures(model, block, way))
            for each, picture in block:
                if isinstance(picture, ZooError):
                    yield prediction(each, picture)
                else:
                    yield prediction(each, _in_size(next(outcomes), picture.size, model, way.recipe))


def _run_pictures(
    model: ExportedModel, block: Sequence[tuple[Named, Picture | ZooError]], way: PictureRows
) -> list[Outcome]:
    """What came of those pictures of a block that could be read."""
    good = [(each.name, picture) for each, picture in block if isinstance(picture, Picture)]
    if not good:
        return []
    rows = way.together([picture for _, picture in good])
    return run_named(model, {model.input_name: rows}, [name for name, _ in good])


def _of_large_pictures(
    model: ExportedModel, given: Iterator[Named], recipe: Preprocess, tiling: Tiling, *, ahead: int, done: int
) -> Iterator[Prediction]:
    own_size = dataclasses.replace(recipe, resize=None, crop=None)
    yield from map(passed_over, itertools.islice(given, done))
    with Reading(given, lambda each: _pixels_or_error(each, recipe), here=is_held) as reading:
        while block := reading.taken(1, ahead=ahead):
            ((each, pixels),) = block
            try:
                with reading.resting():
                    outcome = pixels if isinstance(pixels, ZooError) else tiled_answer(model, pixels, own_size, tiling)
            except (WrongExportError, UsageError):
                raise
            except ZooError as error:
                outcome = error
            yield prediction(each, outcome)


def _pixels_or_error(given: Named, recipe: Preprocess) -> NDArray[np.uint8] | ZooError:
    try:
        return pixels_of(given, color=recipe.color)
    except UsageError:
        raise  # a mistyped variable makes every picture unreadable
    except ZooError as error:
        return error


def _in_size(outcome: Outcome, size: tuple[int, int], model: ExportedModel, recipe: Preprocess) -> Outcome:
    """An answer about the picture itself; masks in its size, where the recipe resized it and cut nothing off."""
    if isinstance(outcome, ZooError):
        return outcome
    if model.meaning.gives != "masks" or recipe.resize is None or recipe.crop is not None:
        return model.meaning.in_picture(outcome, size=size, recipe=recipe)
    return {name: stretched(array, size) for name, array in outcome.items()}


def _of_numbers(model: ExportedModel, given: Iterator[Named], *, done: int) -> Iterator[Prediction]:
    for each in given:
        behind = 0
        for found in _of_file(model, each, done=done):
            yield found
            behind += 1
        done = max(0, done - behind)


def _of_file(model: ExportedModel, given: Named, *, done: int) -> Iterator[Prediction]:
    spec = model.metadata.inputs[model.input_name]
    sequences = model.meaning.gives == "sequences"
    try:
        numbers = numbers_of(given, dtype=spec.dtype)
        found = arrange(numbers.values, spec, sequences=sequences, where=given.name)
    except ZooError as error:
        yield prediction(given, error)
        return
    for block in in_blocks(range(len(found.rows)), model, values=found.rows[0].size):
        if block[-1] < done:
            yield from (passed_over(given, row=row if found.several else None) for row in block)
            continue
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
