"""A plugin that is installed from its project's folder: who reads its fault is who can mend it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from plugin_code import GOOD, OFFER, by_id
from warm import Result

from zoo_core.installation import editable_folder, extra_with, install_command

Zoo = Callable[..., Result]

BUILD = """
from zoo_core import ModelSpec, TensorSpec, hookimpl

def build(*, num_classes: int = 10):
    return 1 / (num_classes - 10)

@hookimpl
def zoo_models():
    yield ModelSpec(name="bad", build=build, task="image-classification", summary="bad",
                    inputs={"image": TensorSpec("N", 1, 4, 4)}, outputs={"logits": TensorSpec("N", "num_classes")})
"""


def came_from(package: Path, name: str, **origin: object) -> None:
    """Note, as pip does, where the distribution of that package was installed from."""
    (info,) = package.parent.glob(f"{name.replace('-', '_')}-*.dist-info")
    info.joinpath("direct_url.json").write_text(json.dumps(origin))


def edited(package: Path, name: str) -> None:
    came_from(package, name, url=package.parent.as_uri(), dir_info={"editable": True})


@pytest.mark.parametrize(
    ("code", "line"),
    [("\n1 / 0", 2), (GOOD + "@hookimpl\ndef zoo_models():\n    yield spec('x', invented=1)", 9)],
    ids=["import", "hook"],
)
def test_a_fault_says_which_line_to_edit(
    code: str, line: int, fake_distribution: Callable[..., Path], run_zoo: Zoo
) -> None:
    package = fake_distribution("zoo-mine", code)
    hint = by_id(run_zoo("plugins", "--json").json)["zoo-mine:zoo-mine"]["hint"]
    assert "edit" not in hint
    edited(package, "zoo-mine")
    package.joinpath("__init__.py").write_text(f"{code}\n")
    hint = by_id(run_zoo("plugins", "--json").json)["zoo-mine:zoo-mine"]["hint"]
    assert hint.partition("; ")[0] == f"edit {package / '__init__.py'}:{line}"


HOOKS = "from zoo_core import hookimpl\n\nclass Mine:\n    @hookimpl\n    def zoo_models(self):\n        return []\n"
OFFERED = GOOD + "@hookimpl\ndef zoo_models():\n    yield spec('x', ...)"


@pytest.mark.parametrize(
    ("code", "value", "problem", "edit"),
    [
        (
            HOOKS,
            "zoo_mine:Mine",
            "its entry point names the class Mine, and not an instance",
            "pyproject.toml:6, then pip",
        ),
        (HOOKS, "zoo_mine:mine", "but zoo_mine has no 'mine'", "pyproject.toml:6, then pip install -e "),
        (HOOKS, "zoo_mine.none", "its module 'zoo_mine.none' cannot be found", "pyproject.toml:6, then pip install -e"),
        ("x = 1", "zoo_mine", "it implements no hook", "pyproject.toml:6, or what it names"),
        ("def zoo_models():\n    return []", "zoo_mine", "is not decorated", "zoo_mine/__init__.py:1"),
        ("\nraise KeyboardInterrupt", "zoo_mine", "it raises KeyboardInterrupt", "zoo_mine/__init__.py:2"),
        (OFFERED.replace("...", "aliases='old'"), "zoo_mine", "aliases is a tuple of texts", "zoo_mine/__init__.py:13"),
        (OFFERED.replace("...", "requires_core='new'"), "zoo_mine", "cannot read requires", "zoo_mine/__init__.py:13"),
    ],
    ids=["class", "attribute", "module", "no-hook", "not-decorated", "interrupt", "aliases", "requires"],
)
def test_every_fault_says_which_line_to_edit(
    code: str, value: str, problem: str, edit: str, fake_distribution: Callable[..., Path], run_zoo: Zoo
) -> None:
    package = fake_distribution("zoo-mine", code, entries={"mine": value})
    head = '[project]\nname = "zoo-mine"\n\n[project.entry-points."zoo.plugins"]\n# mine\n'
    package.parent.joinpath("pyproject.toml").write_text(f'{head}"mine" = "{value}"\n')
    edited(package, "zoo-mine")
    told = by_id(run_zoo("plugins", "--json", env={"ZOO_PLUGINS": "mine"}).json)["zoo-mine:mine"]
    assert problem in told["problem"]
    assert told["hint"].startswith(f"edit {package.parent / edit}")


def test_a_builder_that_fails_says_which_line_to_edit(fake_distribution: Callable[..., Path], run_zoo: Zoo) -> None:
    package = fake_distribution("zoo-mine", BUILD)
    edited(package, "zoo-mine")
    done = run_zoo("export", "bad")
    assert done.code == 1
    place = f"{package / '__init__.py'}:5"
    assert done.stderr.endswith(f"Hint: edit {place}; ZOO_DEBUG=1 shows the traceback\n"), done.stderr


def test_what_an_extra_of_a_plugin_brings_is_told(fake_distribution: Callable[..., Path], run_zoo: Zoo) -> None:
    package = fake_distribution("zoo-mine", f"import zoo_absent_library\n{GOOD}{OFFER}")
    (info,) = package.parent.glob("*.dist-info")
    with info.joinpath("METADATA").open("a") as metadata:
        metadata.write("Requires-Dist: zoo-absent-library>=2; extra == 'fast'\n")
    plugin = by_id(run_zoo("plugins", "--json").json)["zoo-mine:zoo-mine"]
    assert (plugin["status"], plugin["extra"], plugin["hint"]) == (
        "unavailable",
        "fast",
        "pip install 'zoo-mine[fast]'",
    )
    assert run_zoo("list", "models").stderr == ""


@pytest.mark.parametrize(
    ("origin", "command"),
    [
        (None, "pip install 'zoo-mine[fast]'"),
        ({"url": "file://SITE", "dir_info": {"editable": True}}, "pip install -e 'SITE[fast]'"),
        ({"url": "file://SITE", "dir_info": {}}, "pip install 'SITE[fast]'"),
        ({"url": "file:///gone/zoo.whl", "archive_info": {}}, "pip install 'zoo-mine[fast]'"),
        ({"url": "https://x.org/z.whl", "archive_info": {}}, "pip install 'zoo-mine[fast] @ https://x.org/z.whl'"),
        (
            {"url": "https://x.org/z", "vcs_info": {"vcs": "git", "commit_id": "c0", "requested_revision": "v1"}},
            "pip install 'zoo-mine[fast] @ git+https://x.org/z@v1'",
        ),
        ({"url": 3, "dir_info": []}, "pip install 'zoo-mine[fast] @ 3'"),
        ([], "pip install 'zoo-mine[fast]'"),
    ],
)
def test_the_command_that_installs_an_extra(
    origin: object, command: str, fake_distribution: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = fake_distribution("zoo-mine").parent
    if origin is not None:
        site.joinpath("zoo_mine-1.0.dist-info", "direct_url.json").write_text(
            json.dumps(origin).replace("SITE", str(site))
        )
    monkeypatch.syspath_prepend(site)
    assert install_command("fast", distribution="zoo-mine") == command.replace("SITE", str(site))
    assert (editable_folder("zoo-mine") == site) is ("-e " in command)
    assert extra_with("numpy", distribution="zoo-mine") is None
