"""Predictions where recipes make the inputs: of one source or of several, each a file, a text, a row or an array."""

from __future__ import annotations

import dataclasses
import itertools
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo_core.errors import UsageError, ZooError
from zoo_core.foreign_text import shell_word
from zoo_core.pictures import SUFFIXES as PICTURE_SUFFIXES
from zoo_core.recipe_spec import source_of
from zoo_core.recipes import TABLE_SUFFIXES, bytes_of, read_given, read_rows
from zoo_core.table_files import other_separator

from .outcomes import Outcome, Prediction, in_blocks, naming, passed_over, prediction, run_named
from .sources import CertainText, Named
from .unnamed import unnamed

if TYPE_CHECKING:
    from .model import ExportedModel

_MOST_NAMED = 5
_FREE = 1024
"""Places of a free axis, to see how many samples are run at a time."""


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
            name: model.recipes.get(name) or unnamed(spec, model.preprocess)
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
            yield _Sample(given=given, parts=self._by_source(value, given))
            return
        path = Path(value) if self._is_path(value) else None
        if path is None and isinstance(value, str | np.ndarray):
            if isinstance(value, str):
                self._warn_of_path(value)
            yield _Sample(given=given, parts={self._alone(given): value})
            return
        ending = (path or Path(_name_of_open(value))).suffix.lower()
        if ending in TABLE_SUFFIXES and not self._reads_rows:
            yield from self._rows_of(path or _content(value, given.name), given)
            return
        reader = self.readers[source := self._alone(given)]
        if path is not None and self._takes_text and ending not in self._suffixes:
            hint = "save it as one of these: a text a line, or a table with commas between its cells"
            typed = f"a text is typed as --text {shell_word(str(path))}; of a file, {hint}"
            raise ZooError(
                f"{path} is not read: its name ends in none of {', '.join(self._suffixes)}",
                hint=hint,
                command_hint=hint if os.path.exists(path) else typed,
            )
        content = bytes_of(path, reader) if path is not None else _content(value, given.name)
        samples = reader.samples_in(content, name=given.name)
        self._check_columns(source, samples, given.name)
        for row, part in enumerate(samples):
            yield _Sample(given=given, parts={source: part}, row=row if reader.has_several else None)

    def _check_columns(self, source: str, samples: Sequence[Any], name: str) -> None:
        """Raise ZooError for a table without a column that is needed: that is no fault of each of its rows."""
        columns = next((list(row) for row in samples if isinstance(row, Mapping)), None)
        if columns is None:
            return
        recipes = [recipe for input_, recipe in self.recipes.items() if self._source[input_] == source]
        needed = dict.fromkeys(column for recipe in recipes for column in recipe.needed_columns)
        if missing := [column for column in needed if column not in columns]:
            raise ZooError(
                f"{name} has no column {' and no column '.join(map(repr, missing[:_MOST_NAMED]))}, "
                "with which the model was trained",
                hint=other_separator(columns)
                or f"its columns are {', '.join(map(str, columns))}; an empty cell is a missing value",
            )

    def unknown_in(self, made: Mapping[str, Any]) -> tuple[str, ...]:
        """The columns of a sample whose values training has not seen."""
        found = (column for name, recipe in self.recipes.items() for column in recipe.unknown_in(made[name]))
        return tuple(dict.fromkeys(found))

    def made(self, sample: _Sample) -> dict[str, Any]:
        """What each recipe reads of its source. Raises ZooError that names the sample."""
        if faults := [part for part in sample.parts.values() if isinstance(part, ZooError)]:
            raise naming(sample.name, faults[0])
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

    @property
    def _takes_text(self) -> bool:
        return any(reader.takes_text for reader in self.readers.values())

    @property
    def _suffixes(self) -> tuple[str, ...]:
        """How the names of files end that are read."""
        own = (suffix for reader in self.readers.values() for suffix in reader.suffixes)
        return tuple(dict.fromkeys((*own, *TABLE_SUFFIXES)))

    def _is_path(self, value: Any) -> bool:
        text = isinstance(value, str) and self._takes_text
        return isinstance(value, Path | str | os.PathLike) and not text

    def _by_source(self, value: Mapping[str, Any], given: Named) -> Mapping[str, Any]:
        """What a mapping gives for each source; a row of a table alone is the only one."""
        if missing := [source for source in self.sources if source not in value]:
            if self._reads_rows:
                return {self._alone(given): value}
            raise ZooError(
                f"{given.name} has {', '.join(map(repr, value)) or 'nothing'}, and no {missing[0]!r}",
                hint=f"{{{', '.join(f'{source!r}: ...' for source in self.sources)}}}",
            )
        return value

    def _warn_of_path(self, text: str) -> None:
        """Warn of a text that looks like the file that may be meant."""
        ends = text.lower().endswith(self._suffixes) and not any(map(str.isspace, text))
        if self._takes_text and not isinstance(text, CertainText) and (ends or os.path.isfile(text)):
            certain = f"{{{self.sources[0]!r}: {text!r}}}"
            warnings.warn(
                f"{text!r} is read as a text, and not as a file: Path({text!r}) is the file, {certain} the text",
                stacklevel=2,
            )

    def _rows_of(self, table: Path | bytes, given: Named) -> Iterator[_Sample]:
        """A sample of each row of a table, from the columns of the sources."""
        present, rows = read_rows(table, name=given.name)
        columns = {source: reader.column or source for source, reader in self.readers.items()}
        if missing := [column for column in columns.values() if column not in present]:
            raise ZooError(
                f"{given.name} has no column {missing[0]!r}, but {', '.join(map(repr, present))}",
                hint=other_separator(present)
                or f"a table with the column{'s' * (len(columns) > 1)} {', '.join(columns.values())}",
            )
        folder = Path(given.name).parent
        for place, row in enumerate(rows):
            parts: dict[str, Any] = dict.fromkeys(columns, row)
            if isinstance(row, Mapping):
                cells = {source: str(row[column]) for source, column in columns.items()}
                parts = {source: self.readers[source].from_cell(cell, folder) for source, cell in cells.items()}
            yield _Sample(given=given, parts=parts, row=place)


def _name_of_open(value: Any) -> str:
    """The name of a file that was opened; empty where there is none."""
    known = getattr(value, "name", None) if hasattr(value, "read") else None
    return known if isinstance(known, str) else ""


def _called(part: Any, name: str) -> str:
    return str(part) if isinstance(part, Path) else name


def _content(value: Any, name: str) -> bytes:
    content = value.read() if hasattr(value, "read") else value
    if not isinstance(content, bytes):
        raise ZooError(
            f"{name} is a {type(value).__name__}, of which no input is made", hint="a path, bytes or an array"
        )
    return content


def predictions_by_recipes(model: ExportedModel, sources: Iterator[Named], *, done: int = 0) -> Iterator[Prediction]:
    """One prediction for each sample of the sources, in their order; few of them are in memory at a time.

    `done`: as in `predictions_of`.
    """
    maker = _Maker(model)
    sizes = [
        [axis if isinstance(axis, int) else _FREE for axis in spec.axes] for spec in model.metadata.inputs.values()
    ]
    values = sum(int(np.prod(axes[1:])) for axes in sizes)
    found = itertools.chain.from_iterable(_found(maker, each) for each in sources)
    for block in in_blocks(found, model, values=values):
        if done >= len(block):
            yield from (
                each if isinstance(each, Prediction) else passed_over(each.given, row=each.row) for each in block
            )
        else:
            yield from _of_block(model, maker, block)
        done = max(0, done - len(block))


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
