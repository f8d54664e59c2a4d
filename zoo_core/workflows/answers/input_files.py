"""What the inputs of `zoo predict` stand for: files, folders, patterns, and paths on standard input."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo_core.errors import UsageError, ZooError
from zoo_core.files import io_error
from zoo_core.paths import is_folder, is_plain

STDIN = "-"
_MAGIC = frozenset("*?[")


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """One file to predict, or what is wrong with an input that stands for none; there may be a million of them.

    `inside`: the path of the file from the folder or pattern on that was given, of a file that was named itself its
    name alone. `text`: one that is no file.
    """

    shown: str
    inside: str
    error: ZooError | None = None
    text: str | None = None

    @property
    def below(self) -> Path:
        """`inside` as a path."""
        return Path(self.inside)

    @property
    def source(self) -> Path | str:
        """What the model is given: the file, or a text that was typed."""
        return Path(self.shown) if self.text is None else self.text


def find_inputs(
    inputs: Sequence[str | Path], *, suffixes: tuple[str, ...], what: str, listed: Iterable[bytes] = ()
) -> list[Found]:
    """Every file that the inputs stand for, in their order.

    A folder stands for the files below it that end in `suffixes`, in the order of their names; hidden ones are left
    out, and links that lead out of it, links to nothing and pipes have an error. A pattern such as
    `pictures/**/*.png` is what a shell would make of it. The text "-" are the paths in `listed`, with line breaks
    between them, or zero bytes. An input that stands for nothing has an error. Raises UsageError for none at all, for
    an empty text, and for a pattern that cannot be read.
    """
    found: list[Found] = []
    for given in inputs:
        if not str(given):
            raise UsageError("an input is an empty text, and no path", hint="the current folder is a dot: .")
        if given == STDIN:  # a path of that name, such as ./- was, is a file
            for path in _paths_in(b"".join(listed)):
                found += _stands_for(path, suffixes, what)
        elif _MAGIC.intersection(str(given)) and not os.path.lexists(given):
            found += _matching(str(given), suffixes, what)
        else:
            found += _stands_for(Path(given), suffixes, what)
    if not found:
        raise UsageError("there is nothing to predict: no path came on standard input", hint="one path on each line")
    return found


def _paths_in(listed: bytes) -> list[Path]:
    """Paths with line breaks between them, or with zero bytes, as `find -print0` writes them."""
    lines = listed.split(b"\0") if b"\0" in listed else [line.rstrip(b"\r") for line in listed.split(b"\n")]
    return [Path(os.fsdecode(line)) for line in lines if line]


def _stands_for(given: Path, suffixes: tuple[str, ...], what: str) -> list[Found]:
    if "\0" in str(given):
        return [_nothing(str(given), ZooError(f"{str(given)!r} cannot be a path: it has a zero byte"))]
    try:
        if not is_folder(given):
            return [Found(shown=str(given), inside=given.name)]
        inside = _files_below(given, suffixes, base=given)
    except ZooError as error:
        return [_nothing(str(given), error)]
    return inside or [
        _nothing(str(given), ZooError(f"no {what}s in {given}", hint=f"files that end in {', '.join(suffixes)}"))
    ]


def _files_below(folder: Path, suffixes: tuple[str, ...], *, base: Path) -> list[Found]:
    """Those of a folder that cannot be read are one input with an error; the others are found all the same."""
    found: list[Found] = []

    def fail(error: OSError) -> None:
        folder = Path(error.filename)
        problem = io_error("cannot read the folder", folder, error)
        found.append(Found(shown=str(folder), inside=str(folder.relative_to(base)), error=problem))

    for place, folders, names in os.walk(folder, onerror=fail):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        linked = [name for name in folders if os.path.islink(Path(place, name))]  # the walk does not follow these
        for name in sorted([*names, *linked]):
            found += _seen(Path(place, name), suffixes, base=base)
    return found


def _matching(pattern: str, suffixes: tuple[str, ...], what: str) -> list[Found]:
    """The files that a pattern matches, and those below folders that it matches, each once."""
    base, rest = _split(Path(pattern))
    found: dict[str, Found] = {}
    try:
        for path in sorted(base.glob(str(rest))):
            if any(part.startswith(".") for part in path.relative_to(base).parts):
                continue
            walk = os.path.isdir(path) and _stays_inside(path, base)
            for file in _files_below(path, suffixes, base=base) if walk else _seen(path, suffixes, base=base):
                found.setdefault(file.shown, file)
    except (ValueError, NotImplementedError) as error:
        raise UsageError(
            f"the pattern {pattern!r} cannot be read: {error}", hint="** stands alone: a/**/*.png"
        ) from None
    except OSError as error:
        return [_nothing(pattern, ZooError(f"cannot read {error.filename}: {error.strerror}"))]
    if found:
        return list(found.values())
    hint = f"files that end in {', '.join(suffixes)}"
    return [_nothing(pattern, ZooError(f"no {what} matches {pattern}", hint=hint))]


def _split(pattern: Path) -> tuple[Path, Path]:
    """The folder before the first part with a wildcard, and the rest."""
    parts = pattern.parts
    first = next(place for place, part in enumerate(parts) if _MAGIC.intersection(part))
    return Path(*parts[:first]), Path(*parts[first:])


def _nothing(shown: str, error: ZooError) -> Found:
    return Found(shown=shown, inside=Path(shown).name, error=error)


def _seen(path: Path, suffixes: tuple[str, ...], *, base: Path) -> list[Found]:
    """The file that was met below the folder `base`, or what is wrong with it; nothing for one that is no input."""
    folder, error = False, None
    try:
        folder = is_folder(path)
        error = _no_file(path, base=base)
    except ZooError as unknown:
        error = unknown
    if path.name.startswith(".") or (folder and _stays_inside(path, base)):
        return []
    if path.suffix.lower() not in suffixes and not folder:
        return []
    return [Found(shown=str(path), inside=str(path.relative_to(base)), error=error)]


def _no_file(path: Path, *, base: Path) -> ZooError | None:
    if not _stays_inside(path, base):
        return ZooError(f"{path} is a link that leads out of {base}", hint="name it itself where it is meant")
    if is_plain(path):
        return None
    if os.path.islink(path):
        return ZooError(f"{path} is a link to nothing", hint="remove it, or bring back what it leads to")
    return ZooError(f"{path} is a device, pipe or socket, and is not read")


def _stays_inside(path: Path, folder: Path) -> bool:
    return not os.path.islink(path) or Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


class Sources(Sequence[Any]):
    """What a model is given of the inputs at these places, one after the other."""

    def __init__(self, found: Sequence[Found], places: Sequence[int]) -> None:
        self._found, self._places = found, places

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, number: Any) -> Any:
        return self._found[self._places[number]].source


def runs_of(found: Sequence[Found], places: Sequence[int]) -> Iterator[Sequence[int]]:
    """Of these places, neighbours that are all files, or one that is none."""
    start = 0
    for number, place in enumerate(places):
        if found[place].error is not None:
            if start < number:
                yield places[start:number]
            yield places[number : number + 1]
            start = number + 1
    if start < len(places):
        yield places[start:]
