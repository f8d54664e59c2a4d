"""Where a picture is written."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from zoo_core import UsageError
from zoo_core.commands import Located, is_export

FOLDER = "plots"
_MOST_NAMED = 3
_LONGEST_NAME = 160
"""Bytes of a file's name, of 255 that file systems take: its kind is still to come."""


def several(sources: Sequence[Located]) -> Located:
    """What several runs are called together; they have no folder of their own."""
    names = [source.name for source in sources]
    more = f"-and-{len(names) - _MOST_NAMED}-more" if len(names) > _MOST_NAMED else ""
    return Located(kind="run", name="-".join(names[:_MOST_NAMED]) + more)


def target_of(source: Located, what: str, out: Path | None, *, read: Path | None = None) -> Path:
    """The file for one picture: `plots/WHAT.png` in a run, else `plots/NAME-WHAT.png` here; or `out`.

    `out` is a PNG file, or a folder: a name without a dot, or one that exists. Raises UsageError for another kind of
    file, for one inside an export (its report has the hash of every file), and for `read`, the input.
    """
    name = f"{_file_name(source.name)}-{what}.png"
    if out is None:
        if source.kind == "run" and source.path is not None:
            return source.path / FOLDER / f"{what}.png"
        target = Path(FOLDER) / name
    else:
        target = out / name if out.is_dir() or not out.suffix else out
    if target.suffix.lower() != ".png":
        raise UsageError(f"--out {out}: pictures are written as .png", hint="another name, or a folder")
    for folder in target.resolve().parents:
        if folder.joinpath("report.json").is_file() and is_export(folder):
            raise UsageError(f"{target} is inside the export {folder.name}, which stays as it is", hint="another --out")
    if read is not None and target.exists() and read.exists() and target.samefile(read):  # also by a hard link
        raise UsageError(f"{target} is the input, and would be overwritten", hint="another --out")
    return target


def _file_name(name: str) -> str:
    """A name that a file can have anywhere: letters of any writing stay; one that is too long is cut, and told from
    others by its hash."""
    plain = re.sub(r"[^\w.-]+", "-", name).strip("-") or "picture"
    if len(plain.encode()) <= _LONGEST_NAME:
        return plain
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{plain.encode()[:_LONGEST_NAME].decode(errors='ignore')}-{digest}"


def title_of(source: Located) -> str:
    """What a picture says that it is of: of a run also the epoch whose weights these are, for they will be others where
    it goes on."""
    from zoo_core import load_run

    epoch = load_run(source.path or Path(source.name)).info.best_epoch if source.kind == "run" else None
    return f"{source.kind} {source.name}{'' if epoch is None else f' (epoch {epoch})'}"
