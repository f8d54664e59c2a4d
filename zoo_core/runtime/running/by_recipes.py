"""Predictions where recipes make the inputs: of one source or of several, each a file, a text, a row or an array."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import UsageError, ZooError
from zoo_core.file_limits import MAX_PICTURE_BYTES
from zoo_core.picture_recipe import Preprocess
from zoo_core.pictures import SUFFIXES as PICTURE_SUFFIXES
from zoo_core.recipe_spec import source_of
from zoo_core.recipes import TABLE_SUFFIXES, InputRecipe, PictureRecipe, bytes_of, read_given, read_table
from zoo_core.records import counted
from zoo_core.shapes import TensorSpec

from .arrangement import arrange
from .numbers import SUFFIXES as NUMBER_SUFFIXES
from .numbers import as_dtype, read_numbers
from .outcomes import Outcome, Prediction, in_blocks, naming, prediction, run_named
from .sources import Named

if TYPE_CHECKING:
    from .model import ExportedModel

_MOST_NAMED = 5
_FREE = 1024
"""Places of a free axis, to see how many samples are run at a time."""


class _Picture(InputRecipe):
    """An input without a recipe of its own in a file that takes pictures: one of them, or numbers as `_AsGiven`."""

    most_bytes = MAX_PICTURE_BYTES

    def __init__(self, spec: TensorSpec, preprocess: Preprocess) -> None:
        self._picture, self._numbers = PictureRecipe(preprocess), _AsGiven(spec)

    def read(self, source: Any, *, name: str) -> NDArray[Any]:
        """The pixels, prepared; numbers, in memory or in a .npy file or a CSV, are so already."""
        array = isinstance(source, np.ndarray) and source.dtype != np.uint8
        if array or Path(name).suffix.lower() in NUMBER_SUFFIXES:
            return self._numbers.read(source, name=name)
        prepared: NDArray[Any] = self._picture.prepare(self._picture.read(source, name=name)[np.newaxis])[0]
        return prepared

    def stack(self, samples: Sequence[Any]) -> NDArray[Any]:
        """Raises ZooError for pictures that differ in size, which are run one by one then."""
        if len({sample.shape for sample in samples}) > 1:
            raise ZooError("pictures of one input differ in size")
        return np.stack(samples)


def _is_picture(spec: TensorSpec, preprocess: Preprocess | None) -> bool:
    """Whether an input has the axes of a picture with the channels of the recipe."""
    if preprocess is None or len(spec.axes) != 4 or not spec.dtype.startswith("float"):
        return False
    return spec.axes[1 if preprocess.layout == "NCHW" else 3] == preprocess.channels


class _AsGiven(InputRecipe):
    """An input without a recipe: numbers of the shape of one sample, in memory, in a .npy file or a CSV."""

    def __init__(self, spec: TensorSpec) -> None:
        self._spec = spec

    def read(self, source: Any, *, name: str) -> NDArray[Any]:
        """The numbers, in the dtype and the shape that are declared."""
        if isinstance(source, np.ndarray):
            values = as_dtype(source, self._spec.dtype, name=name)
        else:
            values = read_numbers(source, dtype=self._spec.dtype, name=name).values
        found = arrange(values, self._spec, sequences=False, where=name)
        if len(found.rows) != 1:
            raise ZooError(
                f"{name} holds {counted(len(found.rows), 'sample')}", hint="one file a sample, for each input"
            )
        row: NDArray[Any] = found.rows[0]
        return row


def _unnamed(spec: TensorSpec, preprocess: Preprocess | None) -> InputRecipe:
    """How an input is made that no recipe is named for."""
    if preprocess is not None and _is_picture(spec, preprocess):
        return _Picture(spec, preprocess)
    return _AsGiven(spec)


@dataclass(frozen=True, kw_only=True)
class _Sample:
    """What is given for one sample, by source; `row` is its place where its file has several."""

    given: Named
    parts: Mapping[str, Any]
    row: int | None = None

    @property
    def name(self) -> str:
        return self.given.name if self.row is None else f"{self.given.name}[{self.row}]"

    @property
    def picture(self) -> Path | None:
        """The first of its files that is a picture by its name."""
        paths = (part for part in self.parts.values() if isinstance(part, Path))
        return next((path for path in paths if path.suffix.lower() in PICTURE_SUFFIXES), None)


class _Maker:
    """How the inputs of a model are made of what is given."""

    def __init__(self, model: ExportedModel) -> None:
        self.recipes = {
            name: model.recipes.get(name) or _unnamed(spec, model.preprocess)
            for name, spec in model.metadata.inputs.items()
        }
        self._source = {name: source_of(name, model.metadata.recipes) for name in self.recipes}
        # How what is given is to be understood, any recipe of a source can say.
        self.readers = {self._source[name]: recipe for name, recipe in reversed(self.recipes.items())}
        self.sources = tuple(dict.fromkeys(self._source.values()))

    def samples_of(self, given: Named) -> Iterator[_Sample]:
        """Every sample that one source stands for. Raises ZooError where it stands for none."""
        value = given.source
        if isinstance(value, Mapping):
            parts = value if value.keys() >= set(self.sources) else {self._alone(given): value}
            yield _Sample(given=given, parts=parts)
            return
        path = Path(value) if self._is_path(value) else None
        if path is not None and path.suffix.lower() in TABLE_SUFFIXES and not self._reads_rows:
            yield from self._rows_of(path, given)
            return
        reader = self.readers[source := self._alone(given)]
        if path is None and isinstance(value, str | np.ndarray):
            yield _Sample(given=given, parts={source: value})
            return
        content = bytes_of(path, reader) if path is not None else _content(value, given.name)
        samples = reader.samples_in(content, name=given.name)
        self._check_columns(source, samples, given.name)
        for row, part in enumerate(samples):
            yield _Sample(given=given, parts={source: part}, row=row if reader.has_several else None)

    def _check_columns(self, source: str, samples: Sequence[Any], name: str) -> None:
        """Raise ZooError for a table without a column that is needed: that is no fault of each of its rows."""
        if not samples or not isinstance(samples[0], Mapping):
            return
        recipes = [recipe for input_, recipe in self.recipes.items() if self._source[input_] == source]
        needed = dict.fromkeys(column for recipe in recipes for column in recipe.needed_columns)
        if missing := [column for column in needed if column not in samples[0]]:
            raise ZooError(
                f"{name} has no column {' and no column '.join(map(repr, missing[:_MOST_NAMED]))}, "
                "with which the model was trained",
                hint=f"its columns are {', '.join(map(str, samples[0]))}; an empty cell is a missing value",
            )

    def unknown_in(self, made: Mapping[str, Any]) -> tuple[str, ...]:
        """The columns of a sample whose values training has not seen."""
        found = (column for name, recipe in self.recipes.items() for column in recipe.unknown_in(made[name]))
        return tuple(dict.fromkeys(found))

    def made(self, sample: _Sample) -> dict[str, Any]:
        """What each recipe reads of its source. Raises ZooError that names the sample."""
        try:
            return {
                name: read_given(recipe, part := sample.parts[self._source[name]], name=_called(part, sample.name))
                for name, recipe in self.recipes.items()
            }
        except UsageError:
            raise
        except ZooError as error:
            raise error if sample.given.name in error.message else naming(sample.name, error) from None

    def _alone(self, given: Named) -> str:
        if len(self.sources) > 1:
            raise ZooError(
                f"{given.name}: a sample is made of {' and '.join(self.sources)}",
                hint="a CSV with a column for each of them, and a row for each sample; in Python {name: ...}",
            )
        return self.sources[0]

    @property
    def _reads_rows(self) -> bool:
        return all(reader.takes_rows for reader in self.readers.values())

    def _is_path(self, value: Any) -> bool:
        text = any(reader.takes_text for reader in self.readers.values())
        return isinstance(value, Path) or (isinstance(value, str) and not text) or hasattr(value, "__fspath__")

    def _rows_of(self, path: Path, given: Named) -> Iterator[_Sample]:
        """A sample of each row of a table, from the columns of the sources; one column alone needs no name."""
        table = read_table(path)
        alone = table.columns[0] if len(self.sources) == len(table.columns) == 1 else ""
        columns = {source: alone or reader.column or source for source, reader in self.readers.items()}
        if missing := [column for column in columns.values() if column not in table.columns]:
            raise ZooError(
                f"{path} has no column {missing[0]!r}, but {', '.join(map(repr, table.columns))}",
                hint=f"a table with the column{'s' * (len(columns) > 1)} {', '.join(columns.values())}",
            )
        for place, row in enumerate(table.rows):
            cells = {source: str(row[column]) for source, column in columns.items()}
            parts = {source: self.readers[source].from_cell(cell, path.parent) for source, cell in cells.items()}
            yield _Sample(given=given, parts=parts, row=place)


def _called(part: Any, name: str) -> str:
    return str(part) if isinstance(part, Path) else name


def _content(value: Any, name: str) -> bytes:
    content = value.read() if hasattr(value, "read") else value
    if not isinstance(content, bytes):
        raise ZooError(
            f"{name} is a {type(value).__name__}, of which no input is made", hint="a path, bytes or an array"
        )
    return content


def predictions_by_recipes(model: ExportedModel, sources: Iterator[Named]) -> Iterator[Prediction]:
    """One prediction for each sample of the sources, in their order; few of them are in memory at a time."""
    maker = _Maker(model)
    sizes = [
        [axis if isinstance(axis, int) else _FREE for axis in spec.axes] for spec in model.metadata.inputs.values()
    ]
    values = sum(int(np.prod(axes[1:])) for axes in sizes)
    found = itertools.chain.from_iterable(_found(maker, each) for each in sources)
    for block in in_blocks(found, model, values=values):
        yield from _of_block(model, maker, block)


def _found(maker: _Maker, given: Named) -> Iterator[_Sample | Prediction]:
    try:
        yield from maker.samples_of(given)
    except UsageError:
        raise
    except ZooError as error:
        yield prediction(given, error)


def _of_block(model: ExportedModel, maker: _Maker, block: Sequence[_Sample | Prediction]) -> Iterator[Prediction]:
    read: list[Prediction | dict[str, Any]] = [_read(maker, each) for each in block]
    good = [(each.name, made) for each, made in zip(block, read, strict=True) if isinstance(made, dict)]
    outcomes = iter(_run(model, maker, good))
    for each, made in zip(block, read, strict=True):
        if isinstance(made, Prediction):
            yield made
        elif isinstance(each, _Sample):
            done = prediction(each.given, next(outcomes), row=each.row)
            yield dataclasses.replace(done, picture=each.picture, unknown=maker.unknown_in(made))


def _read(maker: _Maker, each: _Sample | Prediction) -> Prediction | dict[str, Any]:
    if isinstance(each, Prediction):
        return each
    try:
        return maker.made(each)
    except UsageError:
        raise
    except ZooError as error:
        return prediction(each.given, error, row=each.row)


def _run(model: ExportedModel, maker: _Maker, good: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Outcome]:
    if not good:
        return []
    try:
        inputs = {
            name: recipe.prepare(recipe.stack([made[name] for _, made in good]))
            for name, recipe in maker.recipes.items()
        }
    except ZooError as error:
        if len(good) == 1:
            return [naming(good[0][0], error)]
        return [_run(model, maker, [each])[0] for each in good]
    return run_named(model, inputs, [name for name, _ in good])
