"""onnxruntime-web, the program that runs models in browsers: one version, fetched by npm, compared with its hash."""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zoo_core import ZooError
from zoo_core.data import read_plain

from .assets import BACKENDS

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
INTEGRITY = "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
"""Of the archive, in npm's form. Equal sites need equal programs."""

_MOST_BYTES = 1 << 28
_FOLDER_HINT = f"name a folder that npm has made elsewhere: --with-runtime=node_modules/{PACKAGE}/dist"


@contextmanager
def fetched_runtime() -> Iterator[Path]:
    """The folder `dist` of the package, for as long as the context lasts; npm keeps what it has fetched once.

    Raises ZooError without npm, where npm cannot fetch it, and for another archive than the known one.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield _unpacked(_packed(folder), folder)


def _packed(folder: Path) -> Path:
    """The archive of the package, as npm has it."""
    npm = shutil.which("npm")
    if npm is None:
        raise ZooError(
            f"{PACKAGE} is fetched by npm, which is not installed", hint=f"install Node.js; or {_FOLDER_HINT}"
        )
    command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--pack-destination", str(folder), "--prefer-offline"]
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8")
    archives = list(folder.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        told = [line for line in done.stderr.splitlines() if "error" in line.lower() or "ERR!" in line]
        why = f": {told[0][:200]}" if told else f", and ended with exit code {done.returncode}"
        raise ZooError(f"npm cannot fetch {PACKAGE} {VERSION}{why}", hint=f"try it online; or {_FOLDER_HINT}")
    return archives[0]


def _unpacked(archive: Path, folder: Path) -> Path:
    content = read_plain(archive, most=_MOST_BYTES)
    found = f"sha512-{base64.b64encode(hashlib.sha512(content).digest()).decode()}"
    if found != INTEGRITY:
        raise ZooError(
            f"npm gave another {PACKAGE} {VERSION} than the known one: {found}, not {INTEGRITY}",
            hint="somebody may have changed it on its way: see npm config get registry",
        )
    target = folder / PACKAGE / "dist"
    target.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(content)) as packed:
        for name in ["package.json", *(f"dist/{file}" for files in BACKENDS.values() for file in files)]:
            member = packed.extractfile(f"package/{name}")
            if member is not None:
                target.parent.joinpath(name).write_bytes(member.read())
    return target
