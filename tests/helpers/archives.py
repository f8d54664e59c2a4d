"""The two archives of this project, built by the real tools from the working tree, and what is looked at in them."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import Result
from shared import shared

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "exported" / "lenet5-digits"
PACKAGES = ("zoo_core", "zoo_plugins")


@dataclass(frozen=True, kw_only=True)
class Archives:
    """The wheel, made from the source archive, and the source archive."""

    wheel: Path
    sdist: Path

    def names(self, kind: str) -> set[str]:
        """The files of one archive; those of the source archive without its own folder."""
        if kind == "wheel":
            with zipfile.ZipFile(self.wheel) as file:
                return {name for name in file.namelist() if not name.endswith("/")}
        with tarfile.open(self.sdist) as packed:
            return {member.name.partition("/")[2] for member in packed.getmembers() if member.isfile()}


def build_archives(factory: pytest.TempPathFactory) -> Archives:
    """`python -m build`, once: the source archive of the working tree, and the wheel of that source archive."""

    def make(to: Path) -> None:
        done = run_tool(sys.executable, "-m", "build", "--no-isolation", "--outdir", to, ROOT, cwd=to)
        assert done.code == 0, done.stdout + done.stderr

    folder = shared(factory, "archives", make)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return Archives(wheel=wheel, sdist=sdist)


def product_files() -> set[str]:
    """Every file of the two packages in the working tree, but what Python writes there itself."""
    found = (path for package in PACKAGES for path in ROOT.joinpath(package).rglob("*") if path.is_file())
    return {path.relative_to(ROOT).as_posix() for path in found if "__pycache__" not in path.parts}


def run_tool(*command: str | Path, cwd: Path, keep: tuple[str, ...] = (), timeout: float = 280) -> Result:
    """A program in a child process that nothing of the tests leads: no PYTHONPATH, and settings of pip only if kept."""
    unwanted = tuple({"PYTEST_", "PIP_", "PYTHONPATH", "VIRTUAL_ENV", "COVERAGE"} - set(keep))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    environment["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )
    return Result(code=done.returncode, stdout=done.stdout, stderr=done.stderr)
