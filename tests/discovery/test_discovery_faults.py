"""Every way in which a plugin can fail: it is contained, said in words, and no other plugin suffers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from conftest import write_distribution
from faulty_plugins import FAULTS, HINTS
from plugin_code import GOOD, OFFER, by_id
from warm import Result, run_program

pytestmark = pytest.mark.heavy  # some of them are waited for


@pytest.fixture(scope="module")
def all_faults(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Result]:
    """The program where all faulty plugins are installed at once, each followed by a good one."""
    folder = tmp_path_factory.mktemp("faults")
    for fault, (code, _, _) in FAULTS.items():
        name = f"zoo-{fault}"
        package = name.replace("-", "_")
        write_distribution(folder / "site", name, code.replace("zoo_bad", package))
        write_distribution(folder / "site", f"{name}-later", GOOD + OFFER.replace("good-model", f"{fault}-later"))
    env = {"ZOO_PLUGIN_TIMEOUT": "5"}
    return partial(run_program, cwd=folder, site=folder / "site", env=env, timeout=280)


@pytest.fixture(scope="module")
def faulty_plugins(all_faults: Callable[..., Result]) -> dict[str, dict[str, Any]]:
    """What `zoo plugins` says of each."""
    result = all_faults("plugins", "--json")
    assert result.code == 0, result.stderr
    assert result.stderr == ""
    return by_id(result.json)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_plugin_is_contained_and_explained(fault: str, faulty_plugins: dict[str, dict[str, Any]]) -> None:
    _, status, problem = FAULTS[fault]
    name = f"zoo-{fault}"
    bad, later = faulty_plugins[f"{name}:{name}"], faulty_plugins[f"{name}-later:{name}-later"]
    assert bad["status"] == status, bad
    assert problem.replace("zoo_bad", name.replace("-", "_")) in bad["problem"], bad["problem"]
    assert "\n" not in bad["problem"]
    assert bad["offers"] == []
    assert bad["hint"] == HINTS.get(fault, bad["hint"])
    assert later == {
        "id": f"{name}-later:{name}-later",
        "distribution": f"{name}-later",
        "version": "1.0",
        "status": "ok",
        "offers": [f"model:{fault}-later"],
        "problem": None,
        "license": "",
    }


def test_what_must_always_work_does(all_faults: Callable[..., Result]) -> None:
    listed = all_faults("list", "--json")
    assert (listed.code, listed.stderr) == (0, "")
    assert {row["name"] for row in listed.json} >= {"lenet5", *(f"{fault}-later" for fault in FAULTS)}
    people = all_faults("list")
    assert (people.code, people.stderr) == (0, f"{len(FAULTS)} plugins cannot be used: see zoo plugins\n")
    assert all_faults("--version").stdout.startswith("zoo, version ")
    assert "Commands:" in all_faults("--help").stdout


def test_people_read_who_why_and_what_to_do(all_faults: Callable[..., Result]) -> None:
    shown = all_faults("plugins").stdout
    assert "\nzoo-missing-dependency:zoo-missing-dependency: it needs the package 'no_such_library', which" in shown
    assert shown.count("\n  To do: ") == len(FAULTS)
    assert "\n  To do: pip install no_such_library\n" in shown
    narrow = all_faults("plugins", env={"ZOO_PLUGIN_TIMEOUT": "5", "COLUMNS": "60"}).stdout
    assert [line for line in narrow.splitlines() if len(line) > 60 and " " in line] == []  # a name is never cut
    assert "pip install no_such_library" in narrow
