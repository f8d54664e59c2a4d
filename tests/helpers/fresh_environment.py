"""A virtual environment of its own for each package under test, as a stranger would make one.

It sees the packages of the environment that runs the tests through a `.pth` file, so that PyTorch is not installed a
second time; what is installed into it stays in it. Packages are built and installed by the real pip.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from warm import Result

import zoo_core

TREE = Path(zoo_core.__file__).parents[1]
OFFLINE = ("--disable-pip-version-check", "--no-input", "--no-deps", "--no-build-isolation", "--no-index")
WHERE_INSTALLED = """
import importlib.metadata, json, sys
distribution = importlib.metadata.distribution(sys.argv[1])
print(distribution.locate_file(""))
"""


@dataclass(frozen=True, kw_only=True)
class FreshEnvironment:
    """A virtual environment, and a folder in which its programs run."""

    folder: Path
    cwd: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / ("Scripts" if os.name == "nt" else "bin") / "python"

    def run(self, *arguments: str | Path, cwd: Path | None = None, timeout: float = 280) -> Result:
        """`python ARGUMENTS` in a child process, with a cache of this environment's own."""
        cache = {"ZOO_CACHE": str(self.folder / "cache"), "ZOO_STATE": str(self.folder / "state")}
        return _run(self.python, *arguments, cwd=cwd or self.cwd, timeout=timeout, more=cache)

    def zoo(self, *arguments: str | Path, cwd: Path | None = None) -> Result:
        """`zoo ARGUMENTS`, and nothing but success is expected."""
        # not -m in a folder of somebody's package: the current folder would be on the path
        result = self.run("-P", "-m", "zoo_core", *arguments, cwd=cwd)
        assert result.code == 0, f"zoo {' '.join(map(str, arguments))}: {result.code}\n{result.stdout}{result.stderr}"
        return result

    def install(self, *what: str | Path) -> None:
        """`pip install WHAT`: a wheel, or `-e` and a folder."""
        done = _run(
            sys.executable, "-m", "pip", "--python", self.python, "install", *OFFLINE, *what, cwd=self.cwd, timeout=120
        )
        assert done.code == 0, done.stdout + done.stderr

    def uninstall(self, distribution: str) -> None:
        """`pip uninstall DISTRIBUTION`."""
        done = _run(
            sys.executable,
            "-m",
            "pip",
            "--python",
            self.python,
            "uninstall",
            "-y",
            distribution,
            cwd=self.cwd,
            timeout=120,
        )
        assert done.code == 0, done.stdout + done.stderr

    def where_installed(self, distribution: str) -> Path:
        """The folder where this environment finds a distribution."""
        return Path(self.run("-P", "-c", WHERE_INSTALLED, distribution).stdout.strip())


def make_environment(folder: Path) -> FreshEnvironment:
    """A new environment in `folder`/venv whose programs run in `folder`/here."""
    place, here = folder / "venv", folder / "here"
    venv.create(place, with_pip=False, symlinks=os.name != "nt")
    here.mkdir()
    environment = FreshEnvironment(folder=place, cwd=here)
    own = environment.run("-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip()
    # addsitedir, and not the bare path: the test environment may hold editable installs, which are .pth files too
    seen = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    # The zoo that is under test comes first, also where another checkout of it is installed.
    lines = [f"import sys; sys.path.insert(0, {str(TREE)!r})"]
    lines += [f"import site; site.addsitedir({path!r})" for path in seen]
    Path(own, "packages_of_the_tests.pth").write_text("\n".join(lines) + "\n")
    return environment


def build_wheel(source: Path, *, to: Path) -> Path:
    """The wheel of the package in `source`, built by pip with the build backend of the test environment."""
    done = _run(
        sys.executable, "-m", "pip", "wheel", *OFFLINE, "--wheel-dir", to, source.resolve(), cwd=source, timeout=120
    )
    assert done.code == 0, done.stdout + done.stderr
    (wheel,) = to.glob("*.whl")
    return wheel


def passed(result: Result) -> int:
    """How many tests passed in a run of pytest, which must be green."""
    assert result.code == 0, result.stdout + result.stderr
    found = re.search(r"(\d+) passed", result.stdout)
    assert found, result.stdout
    assert not re.search(r"\d+ (failed|error)", result.stdout), result.stdout
    return int(found[1])


def _run(
    program: str | Path, *arguments: str | Path, cwd: Path, timeout: float, more: Mapping[str, str] | None = None
) -> Result:
    # What the tests' own pytest and pip were told is not for the child.
    unwanted = ("PYTEST_", "PIP_", "PYTHONPATH", "VIRTUAL_ENV", "COVERAGE")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    environment |= more or {}
    done = subprocess.run(
        [program, *map(str, arguments)],
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
