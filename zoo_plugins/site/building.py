"""The whole road of a site: exports are opened one after the other, pages written, and the folder takes its place."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from zoo_core import UsageError, ZooError
from zoo_core.commands import counted

from .exhibits import Damaged, open_exhibit
from .facts import damaged_row
from .folders import INDEX, MADE_BY, check_target, copy, new_site, write
from .index_page import index_page
from .model_page import ModelPage
from .pages import Pages, write_assets


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a site is to be like. `address`: where it will be, for the commands that fetch a file; empty: not known."""

    title: str
    address: str = ""


@dataclass(frozen=True, kw_only=True)
class Made:
    """A finished site."""

    path: Path
    rows: tuple[Mapping[str, Any], ...]
    damaged: tuple[Damaged, ...]

    @property
    def in_words(self) -> str:
        """What has come of it, on one line."""
        return f"{self.path}: {counted(len(self.rows) - len(self.damaged), 'page')} of exports, and their index"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "path": str(self.path),
            "pages": [row["name"] for row in self.rows if not row["error"]],
            "damaged": [{"name": each.name, "error": str(each.error)} for each in self.damaged],
        }


def checked_address(text: str) -> str:
    """The address of a site, with a `/` at its end. Raises UsageError for one that is none."""
    parts = urlsplit(text)
    if text and (parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment):
        raise UsageError(f"--address takes where the site will be, such as https://models.example.org/, not {text!r}")
    return f"{text.rstrip('/')}/" if text else ""


def build(exports: Mapping[str, Path], target: Path, asked: Asked, *, progress: Callable[[str], None]) -> Made:
    """The site of these exports at `target`, which is replaced as a whole if it is an earlier one.

    An export that cannot be shown has a row that says why. Raises its error where there is no other, and ZooError where
    something else stands at `target`.
    """
    check_target(target)
    pages = Pages({"title": asked.title, "pages": []})
    rows: list[dict[str, Any]] = []
    damaged: list[Damaged] = []
    with new_site(target) as folder:
        for name, path in exports.items():
            progress(name)
            try:
                rows.append(_write_model(folder, name, path, pages, asked))
            except ZooError as error:
                damaged.append(Damaged(name=name, error=error))
                rows.append(damaged_row(damaged[-1]))
        if len(damaged) == len(rows):
            raise damaged[0].error
        write_assets(folder)
        write(folder / "index.html", index_page(pages, rows))
        write(folder / INDEX, json_text({"schema": 1, "made_by": MADE_BY, "title": asked.title, "models": rows}))
    return Made(path=target, rows=tuple(rows), damaged=tuple(damaged))


def _write_model(folder: Path, name: str, path: Path, pages: Pages, asked: Asked) -> dict[str, Any]:
    page = ModelPage(open_exhibit(name, path), address=asked.address)
    text, data = page.html(pages), json_text(page.to_json())
    place = folder / "models" / name
    for each in page.exhibit.files:
        copy(each.path, place / each.name)
    for picture, content in page.pictures().items():
        write(place / picture, content)
    write(place / "index.html", text)
    write(place / "model.json", data)
    return page.row


def json_text(data: Any) -> str:
    """The same text for equal data."""
    return json.dumps(data, indent=1, allow_nan=False) + "\n"
