"""Environments for programs that cannot live in that of the tests: made once by pip, kept in `build/environments/`."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

TREE = Path(__file__).parents[2]
PLACE = TREE / "build" / "environments"


def environment_with(*packages: str) -> Path:
    """The Python of an environment with these packages; the test is skipped where pip cannot bring them."""
    content = f"{sys.version} {packages} {(TREE / 'pyproject.toml').read_text()}"
    folder = PLACE / hashlib.sha256(content.encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    python, done = folder / "bin" / "python", folder / "done"
    with folder.joinpath("lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            venv.create(folder, clear=False, with_pip=False, symlinks=True)
            pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--python", str(python))
            told = subprocess.run([*pip, "install", "-q", *packages], capture_output=True, text=True, check=False)
            if told.returncode != 0:
                pytest.skip(f"pip cannot bring {', '.join(packages)}: {told.stderr[-300:]}")
            done.touch()
    return python


def run_in(python: Path, code: str, *arguments: str | Path) -> str:
    """What `code` prints in that environment, where it has to end well."""
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run(
        [python, "-W", "ignore", "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
