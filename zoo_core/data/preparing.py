"""A look through all samples of a split before anything is trained on them, in parallel: what each is, which cannot be
read, and where wanted, rows of all of them on the disk. What was done before is not done again."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo_core.errors import UsageError, ZooError
from zoo_core.long_work import tell_progress

from .crew import Crew, Work
from .lazy_rows import RowSource
from .row_work import DifferentFormError, error_from
from .sample_readers import Asked, SampleReader, Size, digest_of
from .shards import ROWS, StoredRows, form_as_json, prepared_folder
from .streamed_rows import StreamedRows

_SHARDS = 64
_SMALLEST, _LARGEST = 16 << 20, 1 << 30
_BUSY_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What is known of samples. `rows`: of those that can be read, or None where there is none; `digests`, hexadecimal,
    and `sizes` of the same; `bad`: the places of the others, and why."""

    rows: RowSource | None
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
        return Prepared(rows=None, digests=(), sizes=(), bad=_all_bad(reader, asked))
    per_shard = _samples_a_shard(len(asked), form.itemsize, crew.size)
    parts = [asked[start : start + per_shard] for start in range(0, len(asked), per_shard)]
    task = {"form": form_as_json(form), "folder": str(prepared_folder()), "stored": stored}
    found = _all_done(reader, parts, task, crew, where=where)
    starts = range(0, len(asked), per_shard)
    bad = {
        start + place: error_from(kind, message, hint)
        for start, each in zip(starts, found, strict=True)
        for place, kind, message, hint in each["bad"]
    }
    for error in bad.values():
        if isinstance(error, DifferentFormError):
            raise ZooError(f"{where}: {error.message}", hint=error.hint)
    good = [flag for each in found for flag in each["good"]]
    digests = [text for text, flag in zip((text for each in found for text in each["digests"]), good, strict=True) if flag]
    sizes = [_size(size) for size, flag in zip((s for each in found for s in each["sizes"]), good, strict=True) if flag]
    if stored:
        paths = [prepared_folder() / f"{each['key']}{ROWS}" for each in found]
        rows: RowSource = StoredRows(paths, [sum(each["good"]) for each in found], form)
    else:
        kept = [each for each, flag in zip(asked, good, strict=True) if flag]
        rows = StreamedRows(reader, kept, digests, form, crew)
    return Prepared(rows=rows if len(rows) else None, digests=digests, sizes=sizes, bad=bad)


def _all_bad(reader: SampleReader, asked: Sequence[Asked]) -> dict[int, ZooError]:
    found: dict[int, ZooError] = {}
    for place, each in enumerate(asked):
        try:
            digest_of(reader.row(reader.content(each), each))
        except ZooError as error:
            found[place] = error
    return found


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
