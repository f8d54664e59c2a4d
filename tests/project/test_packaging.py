"""What pip installs: the wheel and the source archive hold all that is needed and nothing else, and work by themselves.

The default run has no network: the base dependencies are links to those of the test environment, and nothing else is
there. `slow` tests take everything from the package registry, as a user does.
"""

from __future__ import annotations

import json
import shutil
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from archives import ROOT, SAMPLE, Archives, build_archives, product_files, run_tool
from base_environment import make_base_environment
from conftest import Result
from without_torch import HEAVY

pytestmark = pytest.mark.heavy

KINDS = ("wheel", "sdist")
PROJECT = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text())["project"]
OTHERS = [
    text.rpartition(" ")[2]
    for text in PROJECT["classifiers"]
    if text.startswith("Programming Language :: Python :: 3.") and not text.endswith(f" 3.{sys.version_info.minor}")
]
OFFLINE = ("--no-input", "--no-deps", "--no-index")


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Archives:
    return build_archives(tmp_path_factory)


@dataclass(frozen=True, kw_only=True)
class Installed:
    """An environment that has zoo-core from one of the archives, and a folder with the finished sample."""

    python: Path
    cwd: Path

    def run(self, *arguments: str | Path) -> Result:
        """`python ARGUMENTS` in the folder of the sample."""
        return run_tool(self.python, "-P", *arguments, cwd=self.cwd)

    def zoo(self, *arguments: str | Path) -> Any:
        """The installed program with `--json`; what it printed. Nothing but success is expected."""
        done = run_tool(self.python.with_name("zoo"), *arguments, "--json", cwd=self.cwd)
        assert (done.code, done.stderr) == (0, ""), done.stdout + done.stderr
        return json.loads(done.stdout)

    def ask(self, expression: str) -> str:
        """What an expression is in this environment, where zoo_core and zoo_plugins.digits are imported."""
        done = self.run("-c", f"import zoo_core, zoo_plugins.digits; print({expression})")
        assert done.code == 0, done.stderr
        return done.stdout.strip()


def install(python: Path, folder: Path, *, pip: tuple[str | Path, ...], online: bool = False) -> Installed:
    """Install with the pip of the test environment, and put the sample into a folder of its own."""
    here = folder / "here"
    shutil.copytree(SAMPLE, here / "exported" / SAMPLE.name)
    command = (sys.executable, "-m", "pip", "--python", python, "install", *pip)
    done = run_tool(*command, cwd=folder, keep=("PIP_",) if online else ())
    assert done.code == 0, done.stdout + done.stderr
    return Installed(python=python, cwd=here)


@pytest.fixture(scope="module", params=KINDS)
def installed(
    request: pytest.FixtureRequest, archives: Archives, tmp_path_factory: pytest.TempPathFactory
) -> Installed:
    """The base install without a network, from one of the archives."""
    folder = tmp_path_factory.mktemp(request.param)
    wheel = archives.wheel
    if request.param == "sdist":  # in two steps, for its build backend is in the test environment only
        command = (sys.executable, "-m", "pip", "wheel", *OFFLINE, "--no-build-isolation", "-w", folder, archives.sdist)
        done = run_tool(*command, cwd=folder)
        assert done.code == 0, done.stdout + done.stderr
        (wheel,) = folder.glob("*.whl")
    python = make_base_environment(folder / "environment", with_ours=False)
    return install(python, folder, pip=(*OFFLINE, wheel))


def test_the_archives_hold_what_is_needed_and_nothing_else(archives: Archives) -> None:
    version = archives.wheel.name.split("-")[1]
    about = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}
    # hatchling puts .gitignore into every source archive: it says what the packages of a wheel made from it leave out
    beside = {"PKG-INFO", "pyproject.toml", "README.md", "LICENSE", ".gitignore"}
    assert archives.names("wheel") == product_files() | {f"zoo_core-{version}.dist-info/{name}" for name in about}
    assert archives.names("sdist") == product_files() | beside


@pytest.mark.parametrize("kind", KINDS)
def test_the_archives_hold_the_data_files(kind: str, archives: Archives) -> None:
    names = archives.names(kind)
    data = ("images-idx3-ubyte.gz", "labels-idx1-ubyte.gz")
    assert {"zoo_core/py.typed", *(f"zoo_plugins/digits/data/{name}" for name in data)} <= names
    templates = {Path(name).name for name in names if "/templates/" in name}
    assert {"model.py.txt", "dataset.py.txt", "trainer.py.txt", "pyproject.toml.txt", "test.py.txt"} <= templates
    unwanted = {"tests", "__pycache__", "benchmarks", "examples", "exported", "runs"}
    assert not [name for name in names if unwanted & {*Path(name).parts} or name.endswith((".pyc", ".onnx"))]


def test_the_registry_can_show_the_archives(archives: Archives) -> None:
    command = (sys.executable, "-m", "twine", "check", "--strict", archives.wheel, archives.sdist)
    done = run_tool(*command, cwd=archives.wheel.parent)
    assert done.code == 0, done.stdout + done.stderr
    assert done.stdout.count("PASSED") == 2


def check_base_install(installed: Installed) -> None:
    """The main commands of a deployment, each in a child process, with the finished sample."""
    for name in HEAVY:
        assert f"No module named '{name}'" in installed.run("-c", f"import {name}").stderr
    samples = Path(installed.ask("zoo_plugins.digits.__path__[0]")) / "samples"
    assert samples.is_relative_to(installed.python.parents[1])
    listed = {row["name"] for row in installed.zoo("list")}
    assert {"lenet5", "digits", "supervised"} <= listed
    assert {row["id"].partition(":")[0] for row in installed.zoo("plugins")} == {"zoo-core"}
    assert installed.zoo("verify", SAMPLE.name)["outcome"] == "verified"
    pictures = sorted(samples.glob("*.png"))
    predicted = {Path(row["input"]).stem: row["label"] for row in installed.zoo("predict", SAMPLE.name, *pictures)}
    digits = {"zero": "0", "two": "2", "three": "3", "five": "5", "seven": "7", "nine": "9"}
    assert set(predicted) == set(digits)
    assert sum(predicted[name] == digit for name, digit in digits.items()) >= 5
    measured = installed.zoo("eval", SAMPLE.name, "--dataset", "digits")
    assert measured["metrics"]["accuracy"] > 0.97


def test_the_base_install_works_without_a_network(installed: Installed) -> None:
    check_base_install(installed)


def test_what_is_installed_is_complete(installed: Installed, archives: Archives) -> None:
    site = Path(installed.ask("zoo_core.__path__[0]")).parent
    files = {path for path in archives.names("wheel") if not path.startswith("zoo_core-")}
    assert not [path for path in files if not (site / path).is_file()]
    assert installed.ask("zoo_core.__version__") == archives.wheel.name.split("-")[1]


@pytest.mark.parametrize("kind", ["model", "dataset", "trainer"])
def test_the_templates_are_read_from_the_archive(kind: str, installed: Installed) -> None:
    name = f"tiny-{kind}"
    written = [installed.cwd / path for path in installed.zoo("new", "plugin", name, "--kind", kind)["files"]]
    assert installed.cwd / f"zoo-{name}" / "pyproject.toml" in written
    assert all(path.read_text() for path in written)


# -- from the package registry --------------------------------------------------------------------------------------


def needs_registry(*command: str | Path, cwd: Path) -> None:
    """Skip if the registry cannot be reached; the command is what needs it least."""
    if run_tool(*command, cwd=cwd, keep=("PIP_",)).code != 0:
        pytest.skip("no package registry can be reached: this test installs from it")


@pytest.fixture
def online(tmp_path: Path) -> Callable[[str], Path]:
    """`online(program)` makes a new environment with that Python, if the registry can be reached; its Python."""

    def make(program: str) -> Path:
        done = run_tool(program, "-m", "venv", "--without-pip", "environment", cwd=tmp_path)
        assert done.code == 0, done.stdout + done.stderr
        few = ("download", "-q", "--no-deps", "--dest", tmp_path / "probe", "pluggy")
        needs_registry(sys.executable, "-m", "pip", *few, cwd=tmp_path)
        return tmp_path / "environment" / "bin" / "python"

    return make


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_pip_install_from_the_registry(
    kind: str, archives: Archives, online: Callable[[str], Path], tmp_path: Path
) -> None:
    check_base_install(install(online(sys.executable), tmp_path, pip=(getattr(archives, kind),), online=True))


@pytest.mark.slow
@pytest.mark.parametrize("version", OTHERS)
def test_another_python(version: str, archives: Archives, online: Callable[[str], Path], tmp_path: Path) -> None:
    program = f"python{version}"
    found = shutil.which(program)
    if found is None or run_tool(program, "--version", cwd=tmp_path).code != 0:
        pytest.skip(f"{program} is not on the PATH: that its packages are there is tested, but nothing was run on it")
    check_base_install(install(online(program), tmp_path, pip=(archives.wheel,), online=True))


@pytest.mark.slow
@pytest.mark.parametrize("version", OTHERS)
def test_every_base_dependency_has_wheels(version: str, tmp_path: Path) -> None:
    few = ("download", "-q", "--no-deps", "--dest", tmp_path / "wheels", "--only-binary=:all:")
    pip = (sys.executable, "-m", "pip", *few, "--python-version", version)
    needs_registry(*pip, "pluggy", cwd=tmp_path)
    done = run_tool(*pip, *PROJECT["dependencies"], cwd=tmp_path, keep=("PIP_",))
    assert done.code == 0, done.stdout + done.stderr
    assert len(list(tmp_path.glob("wheels/*.whl"))) == len(PROJECT["dependencies"])
