"""Whatever a builder, a module or a forward does wrong is told as that, and never as a bug of the zoo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from warm import Result
from wild_models import FINE, WILD, wild_plugin

Zoo = Callable[..., Result]


@pytest.fixture(autouse=True)
def wild(fake_distribution: Callable[..., Path]) -> None:
    fake_distribution("zoo-wild", wild_plugin())


@pytest.mark.parametrize("name", WILD)
def test_an_export_names_the_model_and_its_fault(name: str, zoo_here: Zoo) -> None:
    done = zoo_here("export", name)
    assert done.code in {1, 2, 3}, done.stderr
    error = next(line for line in done.stderr.splitlines() if line.startswith("Error: "))
    assert WILD[name].told in error
    assert name in error
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", sorted(set(WILD) - {"default-device"}))  # where it counts, that is the device anyway
def test_info_builds_and_counts_or_says_why_not(name: str, zoo_here: Zoo) -> None:
    done = zoo_here("info", name)
    assert "Traceback" not in done.stderr
    if WILD[name].built:
        assert done.code == 0, done.stderr
        assert "parameters" in done.stdout
    else:
        assert done.code == 1, done.stderr
        assert WILD[name].told in done.stderr
        assert f"Error: model {name}" in done.stderr
        assert "zoo-wild" in done.stderr or "-o NAME=VALUE" in done.stderr


FOUND_ALIKE = [pytest.param(name, marks=pytest.mark.slow) for name in ("raises-mute", "state-raises", "gives-sparse")]
"""By the same rules as the two before them, which are one that ends its process and one that fails when it runs."""


@pytest.mark.parametrize("name", ["exits", "forward-odd", *FOUND_ALIKE])
def test_conformance_finds_it_too(name: str, run_zoo: Zoo) -> None:
    done = run_zoo("check", name)
    assert done.code == 3, done.stderr
    assert "FAILED" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("name", FINE)
def test_what_does_no_harm_is_exported(name: str, zoo_here: Zoo) -> None:
    done = zoo_here("export", name, "--json")
    assert done.code == 0, done.stderr
    assert done.json["outcome"] == "verified"


def test_a_model_that_counts_names_the_plugin_when_it_cannot(
    zoo_here: Zoo, fake_distribution: Callable[..., Path]
) -> None:
    fake_distribution(
        "zoo-wilder",
        wild_plugin() + "def build_countless():\n    return net(parameters=lambda self: fail(OSError('gone')))\n",
    )
    done = zoo_here("info", "countless")
    assert done.code == 1
    assert (
        "Error: model countless of plugin zoo-wilder:zoo-wilder: OSError: gone, at zoo_wilder/__init__.py:"
        in done.stderr
    )
