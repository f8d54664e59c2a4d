"""A look through all samples of a split before anything is trained on them, in parallel: what each is, which cannot be
read, and where wanted, rows of all of them on the disk. What was done before is not done again."""

from __future__ import annotations

import itertools
import math
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import UsageError, ZooError
from zoo_core.files import remove_abandoned
from zoo_core.long_work import tell_progress
from zoo_core.prepared_files import prepared_folder

from .crew import Crew, Work
from .lazy_rows import RowSource
from .row_work import DifferentFormError, error_from
from .sample_readers import Asked, SampleReader, Size
from .shards import ROWS, StoredRows, form_as_json
from .streamed_rows import StreamedRows

_SHARDS = 64
_SMALLEST, _LARGEST = 16 << 20, 1 << 30
_BUSY_SECONDS = 0.1
_STEP_BYTES = 8 << 20


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What is known of samples. `rows`: of those that can be read, in memory or elsewhere; `digests`, hexadecimal, and
    `sizes` of the same; `bad`: the places of the others, and why."""

    rows: RowSource | NDArray[Any]
    digests: Sequence[str]
    sizes: Sequence[Size]
    bad: dict[int, ZooError]


def row_form(reader: SampleReader, asked: Sequence[Asked]) -> np.dtype[Any] | None:
    """The form of the rows, which the first sample has that can be read; None where none can."""
    for each in asked:
        try:
            arrays, _ = reader.row(reader.content(each), each)
        except UsageError:
            raise
        except ZooError:
            continue
        return np.dtype([(name, array.dtype, array.shape) for name, array in arrays.items()])
    return None


def prepare_rows(
    reader: SampleReader, asked: Sequence[Asked], *, stored: bool, crew: Crew, where: str, form: np.dtype[Any] | None
) -> Prepared:
    """Look through the samples, and where they are `stored` make rows of them on the disk.

    Raises ZooError for samples that differ in shape, for a disk that has no room, and for what changes meanwhile.
    """
    if form is None:
        return _nothing(reader, asked)
    per_shard = _samples_a_shard(len(asked), form.itemsize, crew.size)
    parts = [asked[start : start + per_shard] for start in range(0, len(asked), per_shard)]
    remove_abandoned(prepared_folder())
    task = {"form": form_as_json(form), "folder": str(prepared_folder()), "stored": stored}
    found = _all_done(reader, parts, task, crew, where=where)
    starts = range(0, len(asked), per_shard)
    bad = _bad(dict(zip(starts, found, strict=True)))
    good = [flag for each in found for flag in each["good"]]
    digests = list(itertools.compress((text for each in found for text in each["digests"]), good))
    sizes = [_size(size) for size in itertools.compress((size for each in found for size in each["sizes"]), good)]
    if stored:
        paths = [prepared_folder() / f"{each['key']}{ROWS}" for each in found]
        rows: RowSource = StoredRows(paths, [sum(each["good"]) for each in found], form)
    else:
        rows = StreamedRows(reader, list(itertools.compress(asked, good)), digests, form, crew)
    return Prepared(rows=rows, digests=digests, sizes=sizes, bad=bad)


def read_all(
    reader: SampleReader, asked: Sequence[Asked], *, crew: Crew, where: str, form: np.dtype[Any] | None
) -> Prepared:
    """Read the samples into memory. Raises ZooError for samples that differ in shape."""
    if form is None:
        return _nothing(reader, asked)
    step = max(1, _STEP_BYTES // form.itemsize)
    starts = range(0, len(asked), step)
    rows = np.empty(len(asked), form)
    found: dict[int, dict[str, Any]] = {}
    ahead: deque[tuple[int, Work]] = deque()
    for start in (*starts, *[len(asked)] * 2 * crew.size):
        if part := list(asked[start : start + step]):
            task = {"asked": part, "form": form_as_json(form)}
            ahead.append((start, crew.do(reader, task, room=len(part) * form.itemsize)))
        if ahead and (len(ahead) >= 2 * crew.size or not part):
            place, work = ahead.popleft()
            found[place] = work.answer()
            count = len(found[place]["digests"])
            rows[place : place + count] = np.frombuffer(work.room or b"", form, count=count)
            work.done()
            tell_progress(f"{where}: read", place + count, len(asked))
    bad = _bad(found)
    good = [place not in bad for place in range(len(asked))]
    digests = list(itertools.compress((text for each in found.values() for text in each["digests"]), good))
    sizes = itertools.compress((size for each in found.values() for size in each["sizes"]), good)
    return Prepared(rows=rows[np.array(good)], digests=digests, sizes=[_size(size) for size in sizes], bad=bad)


def _bad(found: Mapping[int, Mapping[str, Any]]) -> dict[int, ZooError]:
    """Which samples cannot be read, of parts by the number of their first sample. Raises ZooError for those that can,
    and have another shape than the others."""
    bad = {
        start + place: error_from(kind, message, hint)
        for start, each in found.items()
        for place, kind, message, hint in each["bad"]
    }
    for error in bad.values():
        if isinstance(error, DifferentFormError):
            raise error
    return bad


def _nothing(reader: SampleReader, asked: Sequence[Asked]) -> Prepared:
    """Of samples none of which can be read."""
    bad: dict[int, ZooError] = {}
    for place, each in enumerate(asked):
        try:
            reader.row(reader.content(each), each)
        except ZooError as error:
            bad[place] = error
    return Prepared(rows=np.empty(0, np.dtype([])), digests=(), sizes=(), bad=bad)


def _samples_a_shard(count: int, row_bytes: int, workers: int) -> int:
    """So many that a split has some dozens of shards, none of them tiny or huge, and each worker gets its share."""
    size = min(max(count * row_bytes / _SHARDS, _SMALLEST), _LARGEST)
    return max(1, min(math.ceil(size / row_bytes), math.ceil(count / max(1, workers))))


def _all_done(
    reader: SampleReader, parts: Sequence[Sequence[Asked]], task: dict[str, Any], crew: Crew, *, where: str
) -> list[dict[str, Any]]:
    """What came of each part, in their order; those that another process is busy with are asked for again."""
    answers: dict[int, dict[str, Any]] = {}
    waiting = deque(range(len(parts)))
    under_way: deque[tuple[int, Work]] = deque()
    total, done = sum(map(len, parts)), 0
    while waiting or under_way:
        while waiting and len(under_way) < 2 * crew.size:
            number = waiting.popleft()
            under_way.append((number, crew.do(reader, {**task, "asked": list(parts[number])})))
        number, work = under_way.popleft()
        answer = work.answer()
        if answer.get("busy"):
            waiting.append(number)
            time.sleep(_BUSY_SECONDS)
            continue
        answers[number] = answer
        done += len(parts[number])
        tell_progress(f"{where}: prepared" if task["stored"] else f"{where}: looked through", done, total)
    return [answers[number] for number in range(len(parts))]


def _size(size: Any) -> Size:
    return None if size is None else (int(size[0]), int(size[1]))
