"""`zoo new plugin`: the package it writes is found, tested, trained and exported by a stranger; and what it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from fresh_environment import FreshEnvironment, build_wheel, make_environment, passed

from zoo_core import __version__
from zoo_core.registry import KINDS, Kind
from zoo_plugins.new.scaffold import plugin_texts, write_plugin

ROOT = Path(__file__).parents[2]
NAMES: dict[Kind, str] = {
    "model": "tiny-net",
    "dataset": "tiny-shapes",
    "trainer": "tiny-fit",
    "task": "tiny-turns",
    "recipe": "tiny-letters",
}


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    chosen: Kind = request.param
    return chosen


@pytest.fixture(scope="module")
def package(kind: Kind, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new package of that kind, as it was written."""
    folder = tmp_path_factory.mktemp("packages") / "mine"
    write_plugin(NAMES[kind], kind=kind, to=folder)
    return folder


@pytest.fixture(scope="module")
def environment(package: Path, tmp_path_factory: pytest.TempPathFactory) -> FreshEnvironment:
    """An environment with the package, installed as its author does it."""
    made = make_environment(tmp_path_factory.mktemp("fresh"))
    made.install("-e", package)
    return made


@pytest.mark.parametrize(
    "kind",
    [pytest.param(each, marks=() if each in {"model", "task"} else pytest.mark.slow) for each in KINDS],
    indirect=True,
)
def test_it_is_green_on_its_first_test_run(package: Path, environment: FreshEnvironment) -> None:
    result = environment.run("-m", "pytest", "-p", "no:cacheprovider", cwd=package)
    assert passed(result) > 5


def test_it_is_found(kind: Kind, environment: FreshEnvironment) -> None:
    name = NAMES[kind]
    plugins = {plugin["id"]: plugin for plugin in environment.zoo("plugins", "--json").json}
    found = plugins[f"zoo-{name}:{name}"]
    assert (found["status"], found["problem"], found["offers"]) == ("ok", None, [f"{kind}:{name}"])
    assert all(plugin["problem"] is None for plugin in plugins.values())
    rows = {row["name"]: row for row in environment.zoo("list", f"{kind}s", "--plugin", name, "--json").json}
    assert rows[name]["kind"] == kind


@pytest.mark.parametrize(
    "kind",
    [pytest.param(each, marks=pytest.mark.slow if each in {"model", "dataset", "trainer"} else ()) for each in KINDS],
    indirect=True,
)
def test_its_wheel_holds_the_source_and_works(
    kind: Kind, package: Path, environment: FreshEnvironment, tmp_path: Path
) -> None:
    name = NAMES[kind]
    wheel = build_wheel(package, to=tmp_path)
    module = f"zoo_{name.replace('-', '_')}"
    with zipfile.ZipFile(wheel) as archive:
        assert {path for path in archive.namelist() if ".dist-info/" not in path} == {
            path for path in plugin_texts(name, kind=kind) if path.startswith(module)
        }
    environment.install("--force-reinstall", wheel)
    assert environment.where_installed(f"zoo-{name}").is_relative_to(environment.folder)
    few = ("-d", "train_size=100", "--epochs", "3")
    if kind == "model":
        trained = environment.zoo("train", name, "--dataset", "digits", "--json", *few).json
        assert environment.zoo("export", f"{name}-digits", "--json").json["outcome"] == "verified"
    elif kind == "task":
        assert environment.zoo("info", f"task:{name}", "--json").json["selection"] == "degrees_off"
        return
    elif kind == "recipe":
        assert environment.zoo("info", f"recipe:{name}", "--json").json["suffixes"] == [".txt"]
        return
    elif kind == "dataset":
        trained = environment.zoo("train", "lenet5", "--dataset", name, "--json", "--epochs", "8").json
        assert trained["test"]["accuracy"] > 0.9
    else:
        trained = environment.zoo("train", "lenet5", "--dataset", "digits", "--trainer", name, "--json", *few).json
    assert trained["epochs"] == (8 if kind == "dataset" else 3)


def test_the_catalogue_follows_pip(tmp_path: Path) -> None:
    package = tmp_path / "mine"
    write_plugin("tiny-fit", kind="trainer", to=package)
    made = make_environment(tmp_path)

    def listed() -> list[str]:
        return [row["summary"] for row in made.zoo("list", "trainers", "tiny-fit", "--json").json]

    def version() -> list[str]:
        plugins = made.zoo("plugins", "--json").json
        return [plugin["version"] for plugin in plugins if plugin["id"] == "zoo-tiny-fit:tiny-fit"]

    def change(path: str, old: str, new: str) -> None:
        text = (package / path).read_text()
        assert text.count(old) == 1
        (package / path).write_text(text.replace(old, new))

    assert listed() == []
    made.install("-e", package)
    assert (listed(), version()) == (["SGD with momentum and a cosine schedule"], ["0.1.0"])
    change("zoo_tiny_fit/__init__.py", "SGD with momentum and a cosine schedule", "Edited")
    assert listed() == ["Edited"]
    change("pyproject.toml", 'version = "0.1.0"', 'version = "0.2.0"')
    made.install("-e", package)
    assert (listed(), version()) == (["Edited"], ["0.2.0"])
    change("zoo_tiny_fit/__init__.py", "Edited", "Built")  # a wheel of the same version
    made.install("--force-reinstall", build_wheel(package, to=tmp_path / "wheel"))
    change("zoo_tiny_fit/__init__.py", "Built", "Not installed")
    assert (listed(), version()) == (["Built"], ["0.2.0"])
    made.uninstall("zoo-tiny-fit")
    assert (listed(), version()) == ([], [])


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("model", ("info", "tiny-net", "-o", "channels=0"), "in_channels, channels and num_classes are at least 1"),
        ("dataset", ("train", "mlp", "--dataset", "tiny-shapes", "-d", "count=1"), "count is at least 2, and seed at"),
        ("trainer", ("train", "mlp", "--dataset", "digits", "--trainer", "tiny-fit", "-t", "lr=0"), "lr is above 0"),
    ],
    indirect=["kind"],
)
def test_its_bad_options_are_refused(arguments: Any, message: str, environment: FreshEnvironment) -> None:
    result = environment.run("-P", "-m", "zoo_core", *arguments)
    assert result.code in {1, 2}
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_it_says_what_was_written_and_what_is_next(run_zoo: Any, tmp_path: Path) -> None:
    shown = run_zoo("new", "plugin", "zoo-tiny-net").stdout  # the prefix of the distribution does not count
    assert "zoo-tiny-net: 6 files, start with zoo_tiny_net/__init__.py" in shown
    assert shown.endswith("Next: cd zoo-tiny-net && pip install -e '.[test]' && pytest\n")
    written = run_zoo("new", "plugin", "a1", "--kind", "dataset", "--to", "new/place of mine", "--json").json
    assert written == {
        "files": [
            f"new/place of mine/{path}"
            for path in (
                "zoo_a1/__init__.py",
                "tests/test_a1.py",
                "pyproject.toml",
                "README.md",
                ".github/workflows/test.yml",
                ".gitignore",
            )
        ]
    }
    assert all((tmp_path / file).is_file() for file in written["files"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "zoo-tiny-net"]
    assert (tmp_path / "new" / "place of mine").stat().st_mode & 0o777 == 0o777 & ~current_umask()


def current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Tiny_Net", "'Tiny_Net' is not a valid name for a plugin"),
        ("tiny--net", "is not a valid name for a plugin\nHint: small letters and digits, words joined by '-'"),
        ("9net", "is not a valid name for a plugin"),
        ("a/b", "is not a valid name for a plugin"),
        ("../a", "is not a valid name for a plugin"),
        ("zoo-", "'' is not a valid name for a plugin"),
        ("a" * 51, "is not a valid name for a plugin"),
        ("digits", "a plugin called 'digits' is installed: zoo-core:digits"),
        ("filter-sobel", "the name 'filter-sobel' is taken by a model of plugin zoo-core:filters"),
        ("oldnet", "the name 'oldnet' is taken by a model of plugin zoo-other:here"),
        ("plugins", "a package called 'zoo-plugins' is installed\nHint: choose another name"),
        ("core", "a package called 'zoo-core' is installed"),
        ("other", "a package called 'zoo-other' is installed"),
    ],
)
def test_a_name_that_is_none_or_taken(
    name: str, message: str, run_zoo: Any, fake_distribution: Any, tmp_path: Path
) -> None:
    code = """
        from zoo_core import ModelSpec, TensorSpec, hookimpl
        a = TensorSpec("N", 3)
        @hookimpl
        def zoo_models():
            yield ModelSpec(
                name="newnet", aliases=("oldnet",), build=lambda: None, task="features", summary="s", inputs={"a": a},
                outputs={"b": a},
            )
    """
    fake_distribution("zoo-other", code, package="elsewhere", entries={"here": "elsewhere"})
    result = run_zoo("new", "plugin", name)
    assert (result.code, result.stdout) == (2, "")
    assert message in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(run_zoo: Any, tmp_path: Path) -> None:
    mine = tmp_path / "zoo-tiny-net"
    mine.mkdir()
    result = run_zoo("new", "plugin", "tiny-net")
    assert result.code == 1
    assert "zoo-tiny-net exists, so nothing was written\nHint: choose another folder with --to" in result.stderr
    assert list(mine.iterdir()) == []
    (tmp_path / "file").touch()
    result = run_zoo("new", "plugin", "tiny-net", "--to", "file/below")
    assert result.code == 1
    assert "cannot write file/below: " in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "zoo-tiny-net"]


@pytest.mark.parametrize("arguments", [("module", "a"), ("plugin",), ("plugin", "a", "--kind", "loss")])
def test_typed_wrong(arguments: tuple[str, ...], run_zoo: Any) -> None:
    result = run_zoo("new", *arguments)
    assert (result.code, result.stdout) == (2, "")
    assert "see zoo new --help" in result.stderr


def test_the_project_file_and_the_test_are_whole(kind: Kind) -> None:
    texts = plugin_texts("tiny-net", kind=kind)
    project = tomllib.loads(texts["pyproject.toml"])
    assert project["project"]["entry-points"] == {"zoo.plugins": {"tiny-net": "zoo_tiny_net"}}
    assert project["project"]["dependencies"] == [f"zoo-core>={__version__.rpartition('.')[0]}"]
    assert texts["tests/test_tiny_net.py"].splitlines() == [
        "from zoo_core.testing import conformance",
        "",
        'test_conformance = conformance("tiny-net")',
    ]
    assert "python-version: ${{ matrix.python }}" in texts[".github/workflows/test.yml"]
    assert not any("$" in text.replace("${{ ", "") for text in texts.values())
    assert all(text.endswith("\n") and not text.endswith("\n\n") for text in texts.values())
    assert all(len(line) <= 120 for text in texts.values() for line in text.splitlines())


@pytest.mark.parametrize(
    "kind", [KINDS[0], *(pytest.param(each, marks=pytest.mark.slow) for each in KINDS[1:])], indirect=True
)
def test_its_workflow_checks_it_from_outside_too(kind: Kind, environment: FreshEnvironment) -> None:
    workflow = plugin_texts(NAMES[kind], kind=kind)[".github/workflows/test.yml"]
    steps = [line.partition("- run: ")[2] for line in workflow.splitlines() if "- run: " in line]
    assert steps[1:] == ["pytest", f"zoo check {NAMES[kind]}"]
    assert steps[0].startswith("pip install ")
    # The rules themselves were looked at by pytest; here the name is one that the command takes.
    few = environment.zoo(*steps[2].split()[1:], "--rule", "imports-offline", "--json").json
    assert few["passed"]
    assert not few["failed"]


def test_its_source_is_short_and_clean(kind: Kind, package: Path) -> None:
    for source in package.glob("zoo_*/*.py"):
        assert len(source.read_text().splitlines()) < (60 if source.name == "__init__.py" else 100)
    rules = ("--isolated", "--no-cache", "--line-length", "120")
    for command in (("check", "--select", "E,W,F,I,B,UP,SIM,RET,N,A"), ("format", "--check")):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *rules, "."],
            cwd=package,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_texts_are_in_the_wheel_of_the_zoo(tmp_path: Path) -> None:
    with zipfile.ZipFile(build_wheel(ROOT, to=tmp_path)) as archive:
        packed = {path for path in archive.namelist() if path.startswith("zoo_plugins/new/templates/")}
    assert packed == {f"zoo_plugins/new/templates/{path.name}" for path in ROOT.glob("zoo_plugins/new/templates/*")}
