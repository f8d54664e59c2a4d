"""README and the pages: links lead somewhere, commands can be typed, what they show of the code is in the code."""

from __future__ import annotations

import functools
import re
import runpy
import shlex
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from conftest import Result

from zoo_core import __version__
from zoo_core.cli import zoo

ROOT = Path(__file__).parents[2]
MAKER = runpy.run_path(str(ROOT / "docs" / "make_readme.py"))
AT_ROOT = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
PAGES = sorted([*(ROOT / name for name in AT_ROOT), *ROOT.glob("docs/*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def read(name: str) -> str:
    return ROOT.joinpath(name).read_text(encoding="utf-8")


def without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL))


@functools.cache
def headings(page: Path) -> set[str]:
    """The anchors of a page, as GitHub and MkDocs make them."""
    lines = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL).splitlines()
    titles = [line.lstrip("#").strip() for line in lines if line.startswith("#")]
    return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(without_code(page.read_text(encoding="utf-8"))):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        path = (page.parent / file).resolve() if file else page
        assert path.exists(), target
        assert not anchor or anchor in headings(path), target


def test_the_site_has_every_page_and_no_other() -> None:
    listed = re.findall(r": ([\w-]+\.md)$", read("mkdocs.yml").partition("\nnav:")[2], re.MULTILINE)
    at_root = {name.lower() for name in AT_ROOT if name != "README.md"}  # whose place on the site is taken by index.md
    assert sorted(listed) == sorted({path.name for path in ROOT.glob("docs/*.md")} | at_root)


def test_the_readme_is_short_and_its_pictures_are_small() -> None:
    assert len(ROOT.joinpath("README.md").read_bytes()) < 8000
    shown = [target for target in LINK.findall(read("README.md")) if target.startswith("docs/images/")]
    assert len(shown) == 3
    for picture in ROOT.glob("docs/images/*"):
        assert picture.stat().st_size < 150_000, picture.name
        assert any(f"images/{picture.name})" in page.read_text(encoding="utf-8") for page in PAGES), picture.name


def shown_commands() -> list[str]:
    """Lines that begin with `zoo` in blocks of the pages for users, without what is said of them."""
    found = []
    for name in ("README.md", "docs/index.md", "docs/tour.md", "docs/extras.md"):
        for block in re.findall(r"^```\n(.*?)^```", read(name), re.MULTILINE | re.DOTALL):
            lines = (line.removeprefix("$ ").partition("  #")[0].strip() for line in block.splitlines())
            found += [line for line in lines if line.startswith("zoo ")]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("line", shown_commands())
def test_a_command_of_a_page_can_be_typed(line: str) -> None:
    _, name, *arguments = shlex.split(line)
    command = zoo.get_command(click.Context(zoo), name)
    assert command is not None
    command.make_context(f"zoo {name}", arguments)  # raises what click says of a wrong option


def test_a_printed_block_begins_with_its_command() -> None:
    blocks = [match for page in PAGES for match in MAKER["BLOCK"].finditer(page.read_text(encoding="utf-8"))]
    assert len(blocks) > 8
    for match in blocks:
        _, last, command, text, _ = match.groups()
        lines = text.splitlines()
        assert lines[0] == f"$ {command}"
        assert not last or (lines[1] == "..." and len(lines) == int(last) + 2)


def test_the_plugin_of_the_readme_works(fake_distribution: Callable[..., Path], run_zoo: Callable[..., Result]) -> None:
    (code,) = [text for text in re.findall(r"```python\n(.*?)```", read("README.md"), re.DOTALL) if "hookimpl" in text]
    files = {"net.py": read("zoo_plugins/lenet5/net.py")}
    fake_distribution("zoo-lenet", code, files=files, entries={"lenet": "zoo_lenet"})
    plugins = {plugin["id"]: plugin for plugin in run_zoo("plugins", "--json").json}
    assert plugins["zoo-lenet:lenet"]["problem"] is None
    info = run_zoo("info", "zoo-lenet:lenet/lenet5", "--dataset", "digits", "--json")
    assert info.json["parameters"] == 61_706
    assert 'lenet = "zoo_lenet"' in read("README.md")


def test_what_contributing_shows_of_the_code_is_in_the_code() -> None:
    files = [*ROOT.glob("zoo_core/**/*.py"), *ROOT.glob("tests/**/*.py")]
    code = [path.read_text(encoding="utf-8") for path in files]
    shown = re.findall(r"```python\n(.*?)```", read("CONTRIBUTING.md"), re.DOTALL)
    assert len(shown) == 3
    for block in shown:
        assert any(block in text for text in code), block


def test_the_changelog_begins_with_what_is_not_released_and_knows_this_version() -> None:
    titles = re.findall(r"^## (.+)$", read("CHANGELOG.md"), re.MULTILINE)
    assert titles[0] == "Unreleased"
    assert any(re.fullmatch(rf"{re.escape(__version__)} - \d{{4}}-\d\d-\d\d", title) for title in titles[1:2])


def test_security_says_how_to_report_without_naming_a_person() -> None:
    text = read("SECURITY.md")
    assert "private security advisory" in text
    assert not re.search(r"[\w.]+@[\w.]+", text)
