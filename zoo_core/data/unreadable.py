"""Files of a dataset that cannot be read: all of them are told of at once, or they are left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from zoo_core.errors import RefusedFileError, UsageError, ZooError
from zoo_core.records import counted

from .folders import one_a_line

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class BadFile:
    """A sample that cannot be read: its place in the split, its picture, and why."""

    index: int
    path: Path
    error: ZooError


class UnreadableFilesError(ZooError):
    """Files of one dataset that cannot be read, `of` so many that were looked at. The message has the first of them.

    The exit code is 4 where every one of them was refused, else 1.
    """

    def __init__(self, bad: Sequence[BadFile], *, of: int, where: str) -> None:
        self.bad, self.of, self.where = tuple(bad), of, where
        if all(isinstance(each.error, RefusedFileError) for each in bad):
            self.exit_code = RefusedFileError.exit_code
        told = one_a_line([each.error.message for each in bad])
        hints = {each.error.hint for each in bad}
        mend = hints.pop() if len(hints) == 1 else "replace the files, or remove them"
        skip = "-d skip_bad=true leaves out what cannot be read" if len(bad) < of else ""
        super().__init__(
            f"{where}: {len(bad):,} of {counted(of, 'sample')} cannot be read:{told}",
            hint="; ".join(filter(None, (mend, skip))) or None,
        )


class ReadOneByOne(Generic[T]):
    """What `read(index)` gives for each sample of a split; the ones that raise a ZooError are left out, and noted."""

    def __init__(self, paths: Sequence[Path], read: Callable[[int], T]) -> None:
        self._paths = paths
        self._read = read
        self.bad: list[BadFile] = []

    def __iter__(self) -> Iterator[T]:
        for index, path in enumerate(self._paths):
            try:
                sample = self._read(index)
            except UsageError:
                raise  # a mistyped variable makes every file unreadable
            except ZooError as error:
                self.bad.append(BadFile(index=index, path=path, error=error))
            else:
                yield sample

    def check(self, *, skip: bool, where: str) -> None:
        """As `check_bad`."""
        check_bad(self.bad, of=len(self._paths), skip=skip, where=where)


def check_bad(bad: Sequence[BadFile], *, of: int, skip: bool, where: str) -> None:
    """Raise UnreadableFilesError for what could not be read, unless it is to be skipped and something is left."""
    if bad and (not skip or len(bad) == of):
        raise UnreadableFilesError(bad, of=of, where=where)


def told_at_once(
    splits: Sequence[str], load: Callable[[str], T], *, count: Callable[[str], int], where: str
) -> dict[str, T]:
    """What `load` gives for every split. Raises UnreadableFilesError that has the files of all splits; `count` says how
    many a split has."""
    loaded: dict[str, T] = {}
    unreadable: list[UnreadableFilesError] = []
    for split in splits:
        try:
            loaded[split] = load(split)
        except UnreadableFilesError as error:
            unreadable.append(error)
    if unreadable:
        bad = [each for error in unreadable for each in error.bad]
        raise UnreadableFilesError(bad, of=sum(map(count, splits)), where=where)
    return loaded
