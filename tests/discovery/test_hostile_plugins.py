"""A damaged package stops no command, and what one plugin does to its process is no other plugin's fault."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from conftest import write_distribution
from hostile_plugins import CHANGES, HARMLESS, HIDDEN, LYING, MESSAGES, offering
from plugin_code import by_id
from warm import Result, run_program

pytestmark = pytest.mark.heavy  # each needs a process


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What `zoo plugins` says where all that change their process are installed, each followed by a good one."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, (code, _) in CHANGES.items():
        write_distribution(folder / "site", f"zoo-{name}", offering(code, f"{name}-own"))
        write_distribution(folder / "site", f"zoo-{name}-later", offering("", f"{name}-later"))
    run = partial(run_program, cwd=folder, site=folder / "site", env={"ZOO_PLUGIN_TIMEOUT": "20"}, timeout=280)
    result: Result = run("plugins", "--json")
    assert (result.code, result.stderr) == (0, "")
    return by_id(result.json)


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_plugin_changes_for_others_is_told_of_it_alone(name: str, told: dict[str, dict[str, Any]]) -> None:
    bad, later = told[f"zoo-{name}:zoo-{name}"], told[f"zoo-{name}-later:zoo-{name}-later"]
    assert (bad["status"], bad["offers"]) == ("broken", [])
    assert bad["problem"].startswith("loading it changes "), bad["problem"]
    assert CHANGES[name][1] in bad["problem"], bad["problem"]
    assert ", for every other plugin and the zoo itself" in bad["problem"]
    assert bad["hint"].startswith("loading may change nothing but the plugin itself: tell its authors")
    assert (later["status"], later["offers"]) == ("ok", [f"model:{name}-later"]), later


def test_all_others_are_what_they_are(told: dict[str, dict[str, Any]]) -> None:
    others = {name: row for name, row in told.items() if row["distribution"].removeprefix("zoo-") not in CHANGES}
    assert {name: row["problem"] for name, row in others.items() if row["status"] != "ok"} == {}


@pytest.mark.parametrize("name", HIDDEN)
def test_what_is_not_found_out_hides_no_other_plugin(name: str, run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-hidden", offering(textwrap.dedent(HIDDEN[name]), "hidden"))
    fake_distribution("zoo-later", offering("", "later"))
    fake_distribution("zoo-later-broken", "1 / 0")
    env = {"ZOO_PLUGINS": "zoo-hidden,zoo-later,zoo-later-broken"}
    rows = by_id(run_zoo("plugins", "--json", env=env).json)
    assert (rows["zoo-later:zoo-later"]["status"], rows["zoo-later:zoo-later"]["offers"]) == ("ok", ["model:later"])
    assert "ZeroDivisionError" in rows["zoo-later-broken:zoo-later-broken"]["problem"]


def test_who_speaks_in_the_name_of_the_zoo_is_not_believed(run_zoo: Any, fake_distribution: Any) -> None:
    names = [f"lying-{number}" for number in range(len(MESSAGES))]
    for name, message in zip(names, MESSAGES, strict=True):
        fake_distribution(f"zoo-{name}", offering(LYING.format(message=message), name))
        fake_distribution(f"zoo-{name}-later", offering("", f"{name}-later"))
    result = run_zoo("plugins", "--json")
    assert (result.code, result.stderr) == (0, "")
    rows = by_id(result.json)
    for name in names:
        bad, later = rows.pop(f"zoo-{name}:zoo-{name}"), rows.pop(f"zoo-{name}-later:zoo-{name}-later")
        assert (bad["status"], bad["offers"]) == ("broken", [])
        assert bad["problem"] == "what the process says that loads it is not what the zoo says there"
        assert later["status"] == "ok"
    assert {row["status"] for row in rows.values()} == {"ok"}


def test_what_libraries_do_is_nobodys_fault(run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-library", offering(HARMLESS, "own"))
    fake_distribution("zoo-later", offering("import os\nassert 'A_LIBRARY_WANTS' not in os.environ", "later"))
    rows = by_id(run_zoo("plugins", "--json", env={"ZOO_PLUGINS": "zoo-library,zoo-later"}).json)
    assert (rows["zoo-library:zoo-library"]["status"], rows["zoo-later:zoo-later"]["status"]) == ("ok", "ok")


def not_utf_8(file: Path) -> None:
    file.write_bytes(b"[console_scripts]\nx = \xff\n")


def too_large(file: Path) -> None:
    with file.open("wb") as opened:
        opened.truncate(3 << 40)


def too_many(file: Path) -> None:
    file.write_text("[zoo.plugins]\n" + "".join(f"p{number} = json\n" for number in range(2000)))


def garbage(file: Path) -> None:
    file.write_text("\x00\x00{}\nzoo = tried\n")


def no_heading(file: Path) -> None:
    file.write_text("# made by hand\ntried = zoo_tried\n")


def half_a_heading(file: Path) -> None:
    file.write_text("[console_scripts]\ntried = zoo_tried:main\n[zoo.plug\ntried = zoo_tried\n")


DAMAGED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "bytes": (not_utf_8, "its entry_points.txt is no UTF-8, from byte 22 on"),
    "folder": (Path.mkdir, "its entry_points.txt is a folder"),
    "pipe": (os.mkfifo, "its entry_points.txt is no plain file"),
    "size": (too_large, "its entry_points.txt has 3,298,534,883,328 bytes, 10,000,000 are read at most"),
    "many": (too_many, "its entry_points.txt names 2,000 plugins"),
    "garbage": (garbage, "its entry_points.txt names no entry point in line 1: '\\x00\\x00{}'"),
    "heading": (no_heading, "its entry_points.txt names no entry point in line 2: 'tried = zoo_tried'"),
    "half": (half_a_heading, "its entry_points.txt names no entry point in line 3: '[zoo.plug'"),
    "loop": (lambda file: file.symlink_to(file.name), "its entry_points.txt cannot be read: "),
}


def test_a_library_that_stumbles_over_a_damaged_package_is_told_as_that(run_zoo: Any, site: Path) -> None:
    """PyTorch reads the entry points of every package when it is imported."""
    info = site / "odd-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n")
    not_utf_8(info / "entry_points.txt")
    done = run_zoo("info", "lenet5", cold=True)
    assert done.code == 1, done.stderr
    assert "the metadata of the package odd are damaged, and a library that reads them cannot be loaded" in done.stderr
    assert "pip install --force-reinstall odd" in done.stderr


def test_a_damaged_package_stops_no_command(run_zoo: Any, fake_distribution: Any, site: Path) -> None:
    fake_distribution("zoo-good", offering("", "good-model"))
    for name, (damage, _) in DAMAGED.items():
        info = site / f"any_{name}-1.0.dist-info"
        info.mkdir()
        damage(info / "entry_points.txt")
    site.joinpath("numpy-9.0.dist-info", "METADATA").mkdir(parents=True)
    assert "Commands:" in run_zoo("--help").stdout
    rows = by_id(run_zoo("plugins", "--json").json)
    assert rows.pop("zoo-good:zoo-good")["status"] == "ok"
    for name, (_, problem) in DAMAGED.items():
        row = rows.pop(f"any-{name}:entry_points.txt")
        assert (row["status"], row["version"], row["offers"]) == ("broken", "1.0", [])
        assert row["problem"].startswith(problem)
        assert row["problem"].endswith(": whether there are plugins in it is not known")
        assert row["hint"] == f"pip install --force-reinstall any-{name}"
    assert {row["status"] for row in rows.values()} == {"ok"}
    listed = run_zoo("list", "good-*")
    assert (listed.code, listed.stderr) == (0, f"{len(DAMAGED)} plugins cannot be used: see zoo plugins\n")


def test_a_damaged_copy_of_the_zoo_hides_none_of_its_plugins(run_zoo: Any, site: Path) -> None:
    info = site / "zoo_core-9.0.dist-info"
    info.mkdir(parents=True)
    info.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: zoo-core\nVersion: 9.0\n")
    not_utf_8(info / "entry_points.txt")
    assert {"view", "plot"} <= set(run_zoo("--help").stdout.split())
    assert "lenet5" in {row["name"] for row in run_zoo("list", "--json").json}
