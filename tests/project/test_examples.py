"""The packages in `examples/`, each installed into an environment of its own the way a stranger's would be."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from fresh_environment import FreshEnvironment, build_wheel, make_environment, passed

pytestmark = pytest.mark.heavy
EXAMPLES = sorted(path.parent for path in Path(__file__).parents[2].glob("examples/*/pyproject.toml"))


def project(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(folder.joinpath("pyproject.toml").read_text())["project"]
    return found


def entries(folder: Path) -> list[str]:
    """The names of its entry points."""
    return list(project(folder)["entry-points"]["zoo.plugins"])


@pytest.fixture(scope="module", params=EXAMPLES, ids=lambda path: path.name)
def example(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.param
    return folder


@pytest.fixture(scope="module")
def environment(example: Path, tmp_path_factory: pytest.TempPathFactory) -> FreshEnvironment:
    """A fresh environment with the example's wheel."""
    made = make_environment(tmp_path_factory.mktemp("fresh"))
    made.install(build_wheel(example, to=tmp_path_factory.mktemp("wheel")))
    return made


def test_it_is_found_and_sound(example: Path, environment: FreshEnvironment) -> None:
    distribution = project(example)["name"]
    assert environment.where_installed(distribution).is_relative_to(environment.folder)
    plugins = {plugin["id"]: plugin for plugin in environment.zoo("plugins", "--json").json}
    for entry in entries(example):
        found = plugins[f"{distribution}:{entry}"]
        assert (found["status"], found["problem"]) == ("ok", None)


@pytest.mark.slow  # `test_scaffold.py` and `test_loggers.py` do the like each time, and zoo-ecg's model learns below
def test_its_own_tests_pass(example: Path, environment: FreshEnvironment) -> None:
    # by path, so that what is imported is the wheel's
    result = environment.run(
        "-P", "-m", "pytest", "-p", "no:cacheprovider", "--import-mode=importlib", example / "tests"
    )
    assert passed(result) > 0


@pytest.mark.slow  # every rule again, each watched from outside
def test_it_conforms(example: Path, environment: FreshEnvironment) -> None:
    for entry in entries(example):
        report = environment.zoo("check", entry, "--json").json
        assert report["failed"] == []
        assert len(report["passed"]) > 5


@pytest.mark.slow  # a rule that its own tests and `zoo check` look at too
def test_the_model_is_exported(environment: FreshEnvironment, example: Path) -> None:
    offered = environment.zoo("list", "models", "--plugin", project(example)["name"], "--json").json
    if example.name == "zoo-convmixer":
        assert [row["name"] for row in offered] == ["convmixer"]
    for row in offered:
        assert environment.zoo("export", row["name"], "--json").json["outcome"] == "verified"


def test_a_model_learns_the_dataset(environment: FreshEnvironment, example: Path) -> None:
    offered = environment.zoo("list", "datasets", "--plugin", project(example)["name"], "--json").json
    if example.name == "zoo-ecg":
        assert [row["name"] for row in offered] == ["ecg-rates", "ecg-rhythms", "ecg-waves"]
        few = ("--epochs", "10")
        trained = environment.zoo("train", "unet1d", "--dataset", "ecg-waves", *few, "--json").json
        assert trained["test"]["iou_mean"] > 0.35
    if example.name == "zoo-sentences":
        # its own tests train on them, where Debian's texts are installed
        assert [row["name"] for row in offered] == ["fortunes", "fortunes-form"]


def test_it_has_what_a_package_needs(example: Path) -> None:
    found = project(example)
    assert {"name", "version", "description", "readme", "requires-python", "license", "dependencies"} <= set(found)
    assert any(text.startswith("zoo-core") for text in found["dependencies"])
    assert example.joinpath("README.md").read_text().startswith(f"# {found['name']}\n")
    assert list(example.glob("tests/test_*.py"))
