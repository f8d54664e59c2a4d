"""A new folder that holds an export from elsewhere, once every file is what its report says."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from zoo_core import UsageError
from zoo_core.commands import clear_io_errors, usual_folder
from zoo_core.workflows.remote import Address, check_published_files

from .from_hub import fetch_from_hub
from .from_registry import fetch_from_registry

REPORT = "report.json"
_FETCH = {"oci": fetch_from_registry, "hf": fetch_from_hub}


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """An export that has come: `digest` names the content where it came from, `typed` is what names it here."""

    path: Path
    digest: str
    files: list[str]
    typed: str


def fetch(address: Address, to: Path | None) -> Fetched:
    """Fetch the export of an address. Raises UsageError where the folder is there, RefusedFileError and
    NotVerifiedError for what is not what it should be, ZooError where it does not come."""
    target = usual_folder("export") / address.last if to is None else to
    with _new_folder(target) as folder:
        digest = _FETCH[address.kind](address, folder)
        listed = check_published_files(folder, no_other=True)
    typed = address.last if to is None else str(target)
    return Fetched(path=target, digest=digest, files=sorted([*listed, REPORT]), typed=typed)


@contextlib.contextmanager
def _new_folder(target: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `target` when the block ends well, and is removed when it does not."""
    if os.path.lexists(target):
        raise UsageError(f"{target} is there already", hint="--to with another folder, or remove it")
    with clear_io_errors("cannot write", target):
        target.parent.mkdir(parents=True, exist_ok=True)
        being_made = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name[:48]}."))
        try:
            yield being_made
            being_made.chmod(0o755)
            being_made.rename(target)
        except BaseException:
            shutil.rmtree(being_made, ignore_errors=True)
            raise
