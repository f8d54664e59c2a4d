"""The install without extras: what it lacks is a choice and no fault, and is told with the extra that brings it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from base_environment import link_distribution, make_base_environment
from plugin_code import by_id
from warm import Result

from zoo_core.installation import install_command

MATPLOTLIB = (
    "matplotlib",
    "contourpy",
    "cycler",
    "fonttools",
    "kiwisolver",
    "packaging",
    "pyparsing",
    "python-dateutil",
)
EXTRAS = {"zoo-core:smp": "smp", "zoo-core:timm": "timm", "zoo-core:torchvision": "train"}

Zoo = Callable[..., Result]


@pytest.fixture(scope="module")
def base_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base_environment(tmp_path_factory.mktemp("base") / "venv")


@pytest.fixture
def base_zoo(base_python: Path, tmp_path: Path) -> Zoo:
    return lambda *arguments, **variables: run(base_python, *arguments, cwd=tmp_path, **variables)


def run(python: Path, *arguments: str | Path, cwd: Path, **variables: str) -> Result:
    environment = {
        "PATH": "/usr/bin:/bin",
        "ZOO_CACHE": str(python.parents[1] / "cache"),
        "HOME": str(cwd),
        **variables,
    }
    done = subprocess.run(
        [python, "-m", "zoo_core", *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    return Result(code=done.returncode, stdout=done.stdout, stderr=done.stderr)


def test_plugins_that_lack_an_extra_are_no_alarm(base_zoo: Zoo) -> None:
    listed = base_zoo("list", "models")
    assert (listed.code, listed.stderr) == (0, "")
    shown = base_zoo("plugins")
    assert "To do" not in shown.stdout
    for name, extra in EXTRAS.items():
        (row,) = [line.split() for line in shown.stdout.splitlines() if line.startswith(f"{name} ")]
        assert row[2:5] == ["needs", "extra", f"{extra}:"]
    plugins = by_id(base_zoo("plugins", "--json").json)
    assert {name: plugin["extra"] for name, plugin in plugins.items() if "extra" in plugin} == EXTRAS
    assert {plugins[name]["status"] for name in EXTRAS} == {"unavailable"}
    assert base_zoo("list", "models", ZOO_STRICT="1").code == 0
    outcomes = {row["stage"]: row["outcome"] for row in base_zoo("doctor", "--json").json}
    assert {outcomes[name] for name in EXTRAS} == {"skipped"}


@pytest.mark.parametrize(
    ("name", "extra"), [("torchvision/resnet18", "train"), ("timm/resnet18", "timm"), ("smp", "smp")]
)
def test_a_name_that_an_extra_brings_says_which(base_zoo: Zoo, name: str, extra: str) -> None:
    done = base_zoo("info", name)
    assert done.code == 1
    assert f"Error: {name!r}, of plugin zoo-core:{name.partition('/')[0]}, needs the package" in done.stderr
    assert done.stderr.endswith(f"Hint: {install_command(extra)}\n")


def test_drawing_needs_matplotlib_and_no_torch(base_zoo: Zoo, base_python: Path, tmp_path: Path) -> None:
    without = base_zoo("plot", "digits")
    assert (without.code, without.stderr.splitlines()[-1]) == (1, f"Hint: {install_command('plot')}")
    for name in MATPLOTLIB:
        link_distribution(name, base_python)
    bundle = Path(__file__).parents[2] / "exported" / "lenet5-digits"
    for arguments in (("plot", "digits"), ("plot", bundle, "--what", "filters")):
        done = base_zoo(*arguments)
        assert done.code == 0, done.stderr
    assert len(list(tmp_path.glob("plots/*.png"))) == 2
