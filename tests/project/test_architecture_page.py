"""docs/architecture.md: the files and names that it leads to exist, and every room and module is named."""

from __future__ import annotations

import ast
import re
import runpy
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
CORE = ROOT / "zoo_core"
MAKER = runpy.run_path(str(ROOT / "docs" / "make_architecture.py"))
PAGE = ROOT.joinpath("docs", "architecture.md").read_text(encoding="utf-8")
DRAWN = ROOT.joinpath("docs", "images", "layers.svg").read_text(encoding="utf-8")
LED_TO = re.compile(r"`([\w./-]+\.py)`: ((?:`\w+`(?:, )?)+)")

NO_PATHS = {"zoo_core/", "runs/"}
"""Folders of users, and where the others lie."""


def place(named: str) -> Path:
    """A path of the page: below zoo_core, unless it says otherwise."""
    top = named.partition("/")[0]
    return ROOT / named if top in {"zoo_plugins", "tests", "docs", "examples", "pyproject.toml"} else CORE / named


def paths() -> Iterator[str]:
    """Files and folders that the page names in code; those with a <placeholder> are no paths."""
    for span in re.findall(r"`([^`\n]+)`", PAGE):
        for word in span.split():
            if re.fullmatch(r"[\w./-]+(?:\.py|\.md|\.toml|/)", word) and not word.startswith("-"):
                yield word


def defined(path: Path) -> set[str]:
    """Functions, methods, classes, and what a module assigns."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    found = {node.name for node in ast.walk(tree) if isinstance(node, kinds)}
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


def test_the_picture_of_the_layers_is_that_of_the_contracts() -> None:
    assert MAKER["make_picture"]() == DRAWN, "run: python docs/make_architecture.py"


def test_the_table_of_rooms_is_that_of_their_docstrings() -> None:
    assert MAKER["make_page"](PAGE) == PAGE, "run: python docs/make_architecture.py"


def test_every_layer_and_room_of_the_contracts_exists() -> None:
    rows, inner = MAKER["layers"]()
    for name in (name for row in rows for name in row):
        path = ROOT.joinpath(*name.split("."))
        assert path.is_dir() or path.with_suffix(".py").is_file(), name
        assert f">{name.partition('.')[2]}<" in DRAWN
    assert {"zoo_core.export", "zoo_core.runtime", "zoo_core.verification", "zoo_core.checks"} <= set(inner)


def test_what_contracts_keep_free_of_torch_is_drawn_so() -> None:
    free = {
        name
        for contract in MAKER["contracts"]()
        if "torch" in contract.get("forbidden_modules", ())
        for name in contract["source_modules"]
    }
    assert free
    assert not [name for name in free if MAKER["imports_torch"](name)]
    assert MAKER["imports_torch"]("zoo_core.export")


def test_every_file_and_folder_that_the_page_names_exists() -> None:
    named = set(paths())
    assert len(named) > 100
    assert not [path for path in named if not place(path).exists() and path not in NO_PATHS]


def test_every_name_that_the_page_gives_to_a_file_is_in_it() -> None:
    found = [(path, name) for path, names in LED_TO.findall(PAGE) for name in re.findall(r"\w+", names)]
    assert len(found) > 80
    missing = [f"{path}: {name}" for path, name in found if name not in defined(place(path))]
    assert not missing


def test_every_room_is_named_and_says_which_file_to_open_first() -> None:
    rooms = {path.parent.relative_to(CORE).as_posix() for path in CORE.glob("*/**/__init__.py")}
    named = {path.rstrip("/") for path in paths()}
    assert rooms <= named
    for folder, purpose, first in MAKER["rooms"]():
        assert purpose.endswith("."), folder
        for file in re.findall(r"`([^`]+)`", first):
            assert CORE.joinpath(folder, file).is_file(), f"{folder}/{file}"


def test_every_module_that_lies_outside_of_a_room_is_named() -> None:
    modules = {path.name for path in CORE.glob("*.py")} - {"__init__.py", "__main__.py", "version.py"}
    assert modules <= set(paths())


def test_the_answers_that_a_reader_needs_in_one_look_are_there() -> None:
    look = PAGE.partition("## In one look")[2].partition("\n## ")[0]
    assert "`verification/expect/bounds.py`: `bound_output`" in look
    assert "`verification/conclude/structure.py`: `check_structure`" in look
    for heading in re.findall(r"\(#([\w-]+)\)", PAGE):
        titles = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in re.findall(r"\n## (.+)", PAGE)}
        assert heading in titles
