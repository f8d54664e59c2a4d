"""Draws docs/images/layers.svg from the contracts in pyproject.toml, and prints the table of rooms in
docs/architecture.md from their docstrings: `python docs/make_architecture.py`.
"""

from __future__ import annotations

import ast
import functools
import html
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "architecture.md"
PICTURE = ROOT / "docs" / "images" / "layers.svg"
TABLE = re.compile(r"(<!-- made: rooms -->\n).*?(<!-- end -->)", re.DOTALL)

WIDTH, ROW, GAP, EDGE, CHARACTER = 940, 44, 8, 24, 6.9
STYLES = {
    "free": ("#e6f2ea", "#4f8f66"),
    "any": ("#eaf0f8", "#5b7aa8"),
    "plugin": ("#fdf3e1", "#c08a2e"),
}
LEGEND = {"free": "no PyTorch in it", "any": "PyTorch is imported in it", "plugin": "plugins"}


def contracts() -> list[dict[str, Any]]:
    """Those of import-linter, as they stand in pyproject.toml."""
    found: list[dict[str, Any]] = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "importlinter"
    ]["contracts"]
    return found


def split_layer(layer: str) -> list[str]:
    """`a : b` and `a | b` as the names of siblings."""
    return [name.strip() for name in re.split("[:|]", layer)]


def layers() -> tuple[list[list[str]], dict[str, list[str]]]:
    """The layers of the core from the top, and the rooms of a room from its first to its last."""
    rows: list[list[str]] = []
    inner: dict[str, list[str]] = {}
    for contract in contracts():
        if contract["type"] == "layers" and "containers" in contract:
            (container,) = contract["containers"]
            inner[container] = [" : ".join(split_layer(layer)) for layer in reversed(contract["layers"])]
        elif contract["type"] == "layers":
            rows += [split_layer(layer) for layer in contract["layers"]]
    return rows, inner


@functools.cache
def imports_torch(module: str) -> bool:
    """Whether a module or package of the core imports torch itself, at the top or inside a function."""
    place = ROOT.joinpath(*module.split("."))
    paths = place.rglob("*.py") if place.is_dir() else [place.with_suffix(".py")]
    return any(_imports_torch(ast.parse(path.read_text(encoding="utf-8"))) for path in paths)


def _imports_torch(tree: ast.AST) -> bool:
    nodes = [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            nodes += node.orelse
            continue
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        if any(name.partition(".")[0] == "torch" for name in names):
            return True
        nodes += ast.iter_child_nodes(node)
    return False


def _box(x: float, y: float, width: float, name: str, *, style: str, small: str = "") -> Iterator[str]:
    fill, line = STYLES[style]
    dashes = ' stroke-dasharray="5 3"' if style == "plugin" else ""
    place = f'x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{ROW}"'
    yield f'<rect {place} rx="5" fill="{fill}" stroke="{line}"{dashes}/>'
    middle = x + width / 2
    yield f'<text x="{middle:.0f}" y="{y + (19 if small else 27):.0f}" class="name">{html.escape(name)}</text>'
    if small:
        yield f'<text x="{middle:.0f}" y="{y + 35:.0f}" class="small">{html.escape(small)}</text>'


def _widths(names: list[str], inner: Mapping[str, str]) -> list[float]:
    """Of the boxes of a row: all of the row, by the longest line in each."""
    wanted = [max(len(name), len(inner.get(name, "")) * 0.85) + 4 for name in names]
    left = WIDTH - 2 * EDGE - GAP * (len(names) - 1)
    return [left * each / sum(wanted) for each in wanted]


def make_picture() -> str:
    """The layers as an SVG: the same bytes on every machine."""
    rows, rooms = layers()
    inner = {name: " \N{RIGHTWARDS ARROW} ".join(order) for name, order in rooms.items()}
    y, parts = EDGE, []
    top = "zoo_plugins (models, datasets, trainers, verbs) and plugins of strangers"
    parts += _box(
        EDGE, y, WIDTH - 2 * EDGE, top, style="plugin", small="use public names; the core imports none of them"
    )
    y += ROW + 2 * GAP
    for names in rows:
        x: float = EDGE
        for name, width in zip(names, _widths(names, inner), strict=True):
            style = "any" if imports_torch(name) else "free"
            parts += _box(x, y, width, name.partition(".")[2], style=style, small=inner.get(name, ""))
            x += width + GAP
        y += ROW + GAP
    x = EDGE
    for style, text in LEGEND.items():
        fill, line = STYLES[style]
        parts.append(f'<rect x="{x:.0f}" y="{y + 8}" width="14" height="14" rx="3" fill="{fill}" stroke="{line}"/>')
        parts.append(f'<text x="{x + 20:.0f}" y="{y + 20}" class="key">{html.escape(text)}</text>')
        x += 40 + CHARACTER * len(text)
    end = "a box uses only boxes below it, and its siblings; in a box, a \N{RIGHTWARDS ARROW} b: b uses a"
    parts.append(f'<text x="{WIDTH - EDGE}" y="{y + 20}" class="key" text-anchor="end">{end}</text>')
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 36}" width="{WIDTH}" height="{y + 36}" '
        'role="img" aria-label="The layers of zoo_core">'
    )
    style = (
        "<style>text{font-family:Helvetica,Arial,sans-serif;fill:#222}.name{font-size:15px;font-weight:bold;"
        "text-anchor:middle}.small{font-size:12px;text-anchor:middle;fill:#444}.key{font-size:12px;fill:#444}</style>"
    )
    background = f'<rect width="{WIDTH}" height="{y + 36}" fill="#ffffff"/>'
    return "\n".join([head, style, background, *parts, "</svg>"]) + "\n"


def rooms() -> Iterator[tuple[str, str, str]]:
    """Each package of the core: its folder, what it is for, and which file to open first."""
    for path in sorted(ROOT.glob("zoo_core/**/__init__.py")):
        folder = path.parent.relative_to(ROOT / "zoo_core").as_posix()
        if folder == ".":
            continue
        text = " ".join((ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split())
        purpose = re.split(r"(?<=[.])\s", text)[0]
        first = re.search(r"Open (`[^`]+\.py`(?: and `[^`]+\.py`)?) first", text)
        yield folder, purpose, first.group(1) if first else ""


def make_table() -> str:
    """The rooms as a table in Markdown."""
    lines = ["| room | what it is for | open first |", "| --- | --- | --- |"]
    for folder, purpose, first in rooms():
        opened = re.sub(r"`([^`]+)`", rf"`{folder}/\1`", first)
        lines.append(f"| `{folder}/` | {purpose.replace('|', '&#124;')} | {opened} |")
    return "\n".join(lines) + "\n"


def make_page(text: str) -> str:
    """The page with its table anew."""
    return TABLE.sub(lambda match: match.group(1) + make_table() + match.group(2), text)


if __name__ == "__main__":
    PICTURE.write_text(make_picture(), encoding="utf-8")
    PAGE.write_text(make_page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
