"""What the inputs of `zoo predict` stand for: files, folders, patterns, and paths on standard input."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo_core.errors import UsageError, ZooError
from zoo_core.files import clear_io_errors

STDIN = "-"
_MAGIC = frozenset("*?[")


@dataclass(frozen=True, kw_only=True)
class Found:
    """One file to predict, or what is wrong with an input that stands for none.

    `below`: the path of the file from the folder or pattern on that was given, of a file that was named itself its
    name alone. `text`: one that is no file.
    """

    shown: str
    below: Path
    error: ZooError | None = None
    text: str | None = None

    @property
    def source(self) -> Path | str:
        """What the model is given: the file, or a text that was typed."""
        return Path(self.shown) if self.text is None else self.text


def find_inputs(
    inputs: Sequence[str | Path], *, suffixes: tuple[str, ...], what: str, listed: Iterable[bytes] = ()
) -> list[Found]:
    """Every file that the inputs stand for, in their order.

    A folder stands for the files below it that end in `suffixes`, in the order of their names; hidden ones and links
    that lead out of it are left out. A pattern such as `pictures/**/*.png` is what a shell would make of it. "-" are
    the lines of `listed`, a path each. An input that stands for nothing has an error. Raises UsageError for none at
    all, and for a pattern that cannot be read.
    """
    found: list[Found] = []
    for given in inputs:
        if str(given) == STDIN:
            for line in listed:
                if text := os.fsdecode(line.rstrip(b"\r\n")):
                    found += _stands_for(Path(text), suffixes, what)
        elif _MAGIC.intersection(str(given)) and not os.path.lexists(given):
            found += _matching(str(given), suffixes, what)
        else:
            found += _stands_for(Path(given), suffixes, what)
    if not found:
        raise UsageError("there is nothing to predict: no path came on standard input", hint="one path on each line")
    return found


def _stands_for(given: Path, suffixes: tuple[str, ...], what: str) -> list[Found]:
    if "\0" in str(given):
        return [_nothing(str(given), ZooError(f"{str(given)!r} cannot be a path: it has a zero byte"))]
    try:
        if not given.is_dir():
            return [Found(shown=str(given), below=Path(given.name))]
        with clear_io_errors("cannot read folder", given):
            inside = [Found(shown=str(path), below=path.relative_to(given)) for path in _files_below(given, suffixes)]
    except ZooError as error:
        return [_nothing(str(given), error)]
    return inside or [
        _nothing(str(given), ZooError(f"no {what}s in {given}", hint=f"files that end in {', '.join(suffixes)}"))
    ]


def _files_below(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    found: list[Path] = []

    def fail(error: OSError) -> None:
        raise error

    for place, folders, names in os.walk(folder, onerror=fail):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = [Path(place, name) for name in sorted(names)]
        found += [path for path in paths if _is_input(path, suffixes) and _stays_inside(path, folder)]
    return found


def _matching(pattern: str, suffixes: tuple[str, ...], what: str) -> list[Found]:
    """The files that a pattern matches, and those below folders that it matches, each once."""
    base, rest = _split(Path(pattern))
    found: dict[Path, Found] = {}
    try:
        for path in sorted(base.glob(str(rest))):
            if any(part.startswith(".") for part in path.relative_to(base).parts) or not _stays_inside(path, base):
                continue
            inside = _files_below(path, suffixes) if path.is_dir() else [path] * _is_input(path, suffixes)
            for file in inside:
                found.setdefault(file, Found(shown=str(file), below=file.relative_to(base)))
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
    return Found(shown=shown, below=Path(Path(shown).name), error=error)


def _is_input(path: Path, suffixes: tuple[str, ...]) -> bool:
    return path.suffix.lower() in suffixes and not path.name.startswith(".") and path.is_file()


def _stays_inside(path: Path, folder: Path) -> bool:
    return not path.is_symlink() or path.resolve().is_relative_to(folder.resolve())


def runs_of(found: Sequence[Found]) -> Iterator[tuple[int, Sequence[Found]]]:
    """Neighbours that are all files, or one that is none; with the place of the first."""
    start = 0
    for place, each in enumerate(found):
        if each.error is not None:
            if start < place:
                yield start, found[start:place]
            yield place, found[place : place + 1]
            start = place + 1
    if start < len(found):
        yield start, found[start:]
