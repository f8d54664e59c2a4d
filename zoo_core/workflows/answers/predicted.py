"""Predictions as files: which file for which input, and which names `--out` may have."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo_core.errors import UsageError, ZooError
from zoo_core.paths import Identity, identity, is_folder

from .input_files import Found
from .results import RESULT_SUFFIXES

FORMS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "masks": (".mask.png", (".png", ".npy")),
    "sequences": (".mask.csv", (".csv", ".npy")),
    "pictures": (".filtered.png", (".png", ".npy")),
    "arrays": (".features.npy", (".npy",)),
}
"""For each kind of answer: what is added to the name of an input, and the file names that `--out` may have."""


@dataclass(frozen=True, kw_only=True)
class Targets:
    """Where predictions go: a file for each input and output, all of them in one folder or below it.

    `stacked`: all inputs share the file. `single`: there is one file for one sample. Made by `targets_for`.
    """

    folder: Path
    stems: Sequence[Path]
    ending: str
    outputs: Sequence[str]
    stacked: bool = False
    single: bool = False

    def of(self, index: int, row: int | None = None) -> dict[str, Path]:
        """The file of each output for an input, or for one sample of several in it.

        Raises ZooError where there is one file for all of them.
        """
        stem = self.stems[index]
        if row is not None and not self.stacked:
            if self.single:
                raise ZooError(
                    f"{stem}{self.ending} is one file, for several samples", hint="give --out a folder, or leave it out"
                )
            stem = stem.with_name(f"{stem.name}.{row}")
        return {name: self.folder / f"{stem}{self._middle(name)}{self.ending}" for name in self.outputs}

    def _middle(self, output: str) -> str:
        # The names of outputs come from a file that a stranger may have made.
        return "" if len(self.outputs) == 1 else f".{re.sub(r'[^A-Za-z0-9_-]', '_', output)}"


def drawings_for(inputs: Sequence[Found], *, drawn: str, out: Path | None) -> Targets:
    """The drawings of answers that are told: a.jpg gives a.`drawn`.png. `out` as in `targets_for`; beside a file of
    results they lie in its folder. Raises as `targets_for`."""
    return _targets(inputs, kind="drawings", form=(f".{drawn}.png", (".png",)), outputs=(drawn,), out=out)


def targets_for(inputs: Sequence[Found], *, gives: str, outputs: Sequence[str], out: Path | None) -> Targets:
    """The files to write. `out`: a folder, made if it is missing, or one file; default the current folder.

    In a folder, a.jpg gives a.mask.png, a.filtered.png, a.mask.csv or a.features.npy; with several outputs, the name
    of the output stands before that, and what lay in a folder below a given one lies so again. Of two inputs of one
    name, such as a.jpg and a.png, the second gives a-2.mask.png. Beside a file of results, files lie in its folder.
    Raises UsageError for a file name of another kind, one file for several inputs (but arrays: they are stacked), and
    an input that would be overwritten.
    """
    return _targets(inputs, kind=gives, form=FORMS[gives], outputs=outputs, out=out)


def _targets(
    inputs: Sequence[Found], *, kind: str, form: tuple[str, tuple[str, ...]], outputs: Sequence[str], out: Path | None
) -> Targets:
    ending, suffixes = form
    if out is not None and is_results(out, gives=kind):
        out = out.parent
    if out is None or is_folder(out) or not out.suffix:
        stems = [each.below.with_name(each.below.stem) if each.below.name else each.below for each in inputs]
        found = Targets(folder=out or Path(), stems=_told_apart(stems), ending=ending, outputs=outputs)
    else:
        if out.suffix.lower() not in suffixes:
            raise UsageError(
                f"--out {out}: {kind} are written as {' or '.join(suffixes)}",
                hint="another name, or a folder: a name without a dot, or one that exists; "
                "a table of all answers is a .csv or .jsonl",
            )
        if len(inputs) > 1 and kind != "arrays":
            raise UsageError(f"--out {out} is one file, for {len(inputs)} inputs", hint="name a folder")
        stems = [Path(out.name.removesuffix(out.suffix))] * len(inputs)
        stacked = kind == "arrays"
        found = Targets(
            folder=out.parent, stems=stems, ending=out.suffix, outputs=outputs, stacked=stacked, single=not stacked
        )
    _check(found, inputs)
    return found


def _told_apart(stems: Sequence[Path]) -> list[Path]:
    """Each of the names, and where it is there before, with the first number from 2 on that makes another of it."""
    own, taken, numbers = set(stems), set[Path](), Counter[Path]()
    apart: list[Path] = []
    for stem in stems:
        name = stem
        while name in taken or (name in own and name != stem):
            numbers[stem] += 1
            name = stem.with_name(f"{stem.name}-{numbers[stem] + 1}")
        taken.add(name)
        apart.append(name)
    return apart


def is_results(out: Path, *, gives: str) -> bool:
    """Whether `--out` names a file of results, a row for each sample; a .csv of a sequence is its mask."""
    own = FORMS[gives][1] if gives in FORMS else ()
    return out.suffix.lower() in RESULT_SUFFIXES and out.suffix.lower() not in own


def _check(targets: Targets, inputs: Sequence[Found]) -> None:
    originals = set(originals_of(inputs))
    for index, each in enumerate(inputs[:1] if targets.stacked else inputs):
        if each.error is not None:
            continue
        for file in targets.of(index).values():
            try:
                check_target(file, originals)
            except UsageError:
                raise
            except ZooError:
                continue  # no such file can be, its name is too long: the row of this input says so


def originals_of(inputs: Sequence[Found]) -> Iterator[Identity]:
    """Which files are read, whatever names they have."""
    return (identity(Path(each.shown)) for each in inputs if each.error is None)


def check_target(file: Path, originals: Iterable[Identity]) -> None:
    """Raise UsageError for a file that is an input, see `originals_of`, or a folder, or would lie in a file."""
    if identity(file) in originals:
        raise UsageError(f"{file} is an input, and would be overwritten", hint="another name with --out")
    if is_folder(file):
        raise UsageError(f"{file} is a folder, but a file of that name would be written", hint="another --out")
    above = next((parent for parent in file.parents if os.path.lexists(parent)), Path())
    if not is_folder(above):
        raise UsageError(f"{file} cannot be written: {above} is a file, not a folder", hint="another --out")
