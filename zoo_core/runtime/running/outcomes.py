"""What comes of samples that are run together: an answer each, or an error for the one that is to blame."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import UsageError, ZooError

from .faults import WrongExportError
from .sources import Named
from .way_out import with_way_out

if TYPE_CHECKING:
    from .model import ExportedModel

BATCH = 64
"""Samples that are run at a time: enough to keep the processors busy, little enough for any memory."""

BATCH_VALUES = 1 << 22
"""Input values that are run at a time, for samples that are big."""

LARGEST_BLOCK = 16
"""Samples that are answered together at most: nobody waits for more, and no more are lost when it is stopped."""

T = TypeVar("T")
Outcome = Mapping[str, Any] | ZooError


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What came of one sample: its answer, or the error that it has instead.

    `index` is the place of its source among those given, `row` its place in that file where the file has several, and
    `name` both in one word: a path, or `path[row]`. `header`: the line of names that a table begins with. `picture`: of
    a sample that a table names the files of, the first of them that is a picture. `unknown`: the columns of a row whose
    values training has not seen, which count as unknown. One that was passed over has an empty answer.
    """

    name: str
    index: int
    row: int | None = None
    answer: Mapping[str, Any] | None = None
    error: ZooError | None = None
    header: tuple[str, ...] | None = None
    picture: Path | None = None
    unknown: tuple[str, ...] = ()


def batch_of(values: int) -> int:
    """How many samples of that many values are run at a time."""
    return max(1, min(BATCH, BATCH_VALUES // max(1, values)))


def block_sizes(model: ExportedModel, *, values: int) -> Iterator[int]:
    """How many samples of so many values are run at once: 1, 2, 4 and so on up to 16, so that the first answer comes at
    once. A fixed batch of the file is filled instead.

    The sizes are always the same, as the last bits of an answer may depend on them.
    """
    first = next(iter(model.metadata.inputs.values())).axes[0]
    size = first if isinstance(first, int) else 1
    largest = max(size, min(batch_of(values), LARGEST_BLOCK))
    while True:
        yield size
        size = min(2 * size, largest)


def in_blocks(given: Iterable[T], model: ExportedModel, *, values: int) -> Iterator[list[T]]:
    """What is given in blocks that are run at once, see `block_sizes`."""
    waiting = iter(given)
    for size in block_sizes(model, values=values):
        if not (block := list(itertools.islice(waiting, size))):
            return
        yield block


def prediction(
    given: Named, outcome: Outcome, *, row: int | None = None, header: tuple[str, ...] | None = None
) -> Prediction:
    name = given.name if row is None else f"{given.name}[{row}]"
    if isinstance(outcome, ZooError):
        return Prediction(name=name, index=given.index, row=row, error=outcome, header=header)
    return Prediction(name=name, index=given.index, row=row, answer=outcome, header=header)


def passed_over(given: Named, *, row: int | None = None) -> Prediction:
    """A sample that is neither read nor run."""
    return prediction(given, {}, row=row)


def naming(name: str, error: ZooError) -> ZooError:
    """The error, which also says which input has it."""
    error.message = f"{name}: {error.message}"
    error.args = (error.message,)
    return error


def run_named(model: ExportedModel, rows: Mapping[str, NDArray[Any]], names: Sequence[str]) -> list[Outcome]:
    """An answer or an error for each row. Rows that fail together are run one by one: one of them may be to blame."""
    try:
        outputs = model.run_rows(rows)
    except (WrongExportError, UsageError):
        raise
    except ZooError as error:
        if len(names) == 1:
            return [naming(names[0], with_way_out(model, rows, error))]
        return [run_named(model, _row(rows, place), [name])[0] for place, name in enumerate(names)]
    bad = _not_finite(outputs, len(names))
    kept = [place for place in range(len(names)) if place not in bad]
    answers = iter(_decoded(model, {name: value[kept] for name, value in outputs.items()}) if kept else ())
    return [_no_number(model, bad[place], name) if place in bad else next(answers) for place, name in enumerate(names)]


def _row(rows: Mapping[str, NDArray[Any]], place: int) -> dict[str, NDArray[Any]]:
    return {name: array[place : place + 1] for name, array in rows.items()}


def _decoded(model: ExportedModel, outputs: Mapping[str, NDArray[Any]]) -> Sequence[dict[str, Any]]:
    try:
        return model.meaning.decode(outputs, labels=model.labels)
    except ZooError as error:
        raise WrongExportError(f"{model.path}: {error.message}", hint=error.hint) from error


def _not_finite(outputs: Mapping[str, NDArray[Any]], rows: int) -> dict[int, str]:
    """Rows of which an output is NaN or infinite, and that output."""
    found: dict[int, str] = {}
    for name, value in outputs.items():
        if value.dtype.kind == "f":
            finite = np.isfinite(value).reshape(rows, -1).all(axis=1)
            found |= {int(place): name for place in np.flatnonzero(~finite)}
    return found


def _no_number(model: ExportedModel, output: str, name: str) -> ZooError:
    return ZooError(
        f"{model.path}: output {output!r} is not finite for {name}", hint="check the export with `zoo verify`"
    )
