"""The rule about public names: what it sees in a source, and that it is a remark of `zoo check`, not a failure."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from broken_plugins import MODEL
from conftest import Result

from zoo_core.checks.rules.public_names import private_names


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from zoo_core.training.loop import Loop", ["line 1: zoo_core.training.loop.Loop"]),
        ("def f():\n    from zoo_core.data import _MOST, Samples", ["line 2: zoo_core.data._MOST"]),
        ("import zoo_core.runtime", ["line 1: zoo_core.runtime"]),
        ("from zoo_core import registry", ["line 1: zoo_core.registry"]),
        ("from zoo_core.gone import name", ["line 1: zoo_core.gone.name"]),
        ("from zoo_core.training import Loop\nfrom zoo_core import hookimpl", []),
        ("from .zoo_core import own\nimport zoo_corey", []),
    ],
)
def test_what_is_private_is_seen(source: str, found: list[str]) -> None:
    assert private_names(source) == found


def test_zoo_check_remarks_on_it_and_passes(
    fake_distribution: Callable[..., Path], run_zoo: Callable[..., Result]
) -> None:
    code = "from zoo_core.shelf import RUNS\n" + textwrap.dedent(MODEL["__init__.py"])
    files = {name: text for name, text in MODEL.items() if name != "__init__.py"}
    fake_distribution("zoo-private", code, files=files, entries={"private": "zoo_private"})
    done = run_zoo("check", "private", "--rule", "imports-*", "--json")
    assert done.code == 0, done.stderr
    (remark,) = done.json["remarks"]
    assert remark["rule"] == "imports-public-names-only"
    assert remark["detail"].startswith("__init__.py, line ")
    assert remark["detail"].endswith("zoo_core.shelf.RUNS is not public")
    people = run_zoo("check", "private", "--rule", "imports-public*")
    assert people.code == 0
    assert "imports-public-names-only        remark   __init__.py, line " in people.stdout
    assert "private: 1 remark" in people.stdout
