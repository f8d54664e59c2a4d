"""Predictions as files: which file for which input, and how masks, pictures, sequences and arrays look in it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo_core.errors import UsageError
from zoo_core.files import clear_io_errors, write_atomic

FORMS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "masks": (".mask.png", (".png", ".npy")),
    "sequences": (".mask.csv", (".csv", ".npy")),
    "pictures": (".filtered.png", (".png", ".npy")),
    "arrays": (".features.npy", (".npy",)),
}
"""For each kind of answer: what is added to the name of an input, and the file names that `--out` may have."""


@dataclass(frozen=True, kw_only=True)
class Targets:
    """Where predictions go: a file for each input and output, all of them in one folder.

    `stacked`: all inputs share the file. `files[i][output]` belongs to input i.
    """

    folder: Path
    files: Sequence[Mapping[str, Path]]
    stacked: bool


def targets_for(inputs: Sequence[Path], *, gives: str, outputs: Sequence[str], out: Path | None) -> Targets:
    """The files to write. `out`: a folder, made if it is missing, or one file; default the current folder.

    In a folder, a.jpg gives a.mask.png, a.filtered.png, a.mask.csv or a.features.npy; with several outputs, the name
    of the output stands before that. Raises UsageError for a file name of another kind, one file for several inputs
    (but arrays: they are stacked), two inputs for one file, and an input that would be overwritten.
    """
    ending, suffixes = FORMS[gives]
    if out is None or out.is_dir() or not out.suffix:
        folder, stems = out or Path(), [path.stem for path in inputs]
        files = [_files(folder, stem, ending, outputs) for stem in stems]
        stacked = False
    else:
        if out.suffix.lower() not in suffixes:
            raise UsageError(
                f"--out {out}: {gives} are written as {' or '.join(suffixes)}",
                hint="another name, or a folder: a name without a dot, or one that exists",
            )
        stacked = gives == "arrays"
        if len(inputs) > 1 and not stacked:
            raise UsageError(f"--out {out} is one file, for {len(inputs)} inputs", hint="name a folder")
        folder, name = out.parent, out.name.removesuffix(out.suffix)
        files = [_files(folder, name, out.suffix, outputs)] * len(inputs)
    found = Targets(folder=folder, files=files, stacked=stacked)
    _check(found, inputs)
    return found


def _files(folder: Path, stem: str, ending: str, outputs: Sequence[str]) -> dict[str, Path]:
    if len(outputs) == 1:
        return {outputs[0]: folder / f"{stem}{ending}"}
    # The names of outputs come from a file that a stranger may have made.
    return {name: folder / f"{stem}.{re.sub(r'[^A-Za-z0-9_-]', '_', name)}{ending}" for name in outputs}


def _check(targets: Targets, inputs: Sequence[Path]) -> None:
    taken: dict[Path, Path] = {}
    originals = {path.resolve() for path in inputs}
    files = targets.files[:1] if targets.stacked else targets.files
    for source, named in zip(inputs, files, strict=False):
        for file in named.values():
            if file in taken:
                raise UsageError(
                    f"{taken[file]} and {source} would both be written to {file}",
                    hint="one after the other, with another --out for each",
                )
            taken[file] = source
            if file.resolve() in originals:
                raise UsageError(f"{file} is an input, and would be overwritten", hint="another name with --out")
            if file.is_dir():
                raise UsageError(f"{file} is a folder, but a file of that name would be written", hint="another --out")


class Stage:
    """Files that appear all together, or not at all. Made by `staged`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: dict[Path, Path] = {}

    def write(self, target: Path, content: bytes | str) -> None:
        """The file `target`, replaced if it exists, once everything is there."""
        waiting = self._folder / str(len(self._waiting))
        write_atomic(waiting, content)
        self._waiting[target] = waiting

    def publish(self) -> None:
        """Put every file in its place."""
        for target, waiting in self._waiting.items():
            with clear_io_errors("cannot write", target):
                os.replace(waiting, target)


@contextlib.contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """Files for `folder`, which is made if it is missing: they wait beside it until the block has ended well."""
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    with clear_io_errors("cannot write to", folder):
        folder.mkdir(parents=True, exist_ok=True)
        waiting = Path(tempfile.mkdtemp(dir=folder, prefix=".zoo-predict-"))
    try:
        stage = Stage(waiting)
        yield stage
        stage.publish()
    except BaseException:
        shutil.rmtree(waiting, ignore_errors=True)
        with contextlib.suppress(OSError):
            for path in new:
                path.rmdir()
        raise
    shutil.rmtree(waiting, ignore_errors=True)
