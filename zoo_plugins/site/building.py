"""The whole road of a site: exports are opened one after the other, pages written, and the folder takes its place."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo_core import ZooError
from zoo_core.commands import counted

from .bioimageio import FILE as BIOIMAGEIO
from .bioimageio import UnfitError, described
from .comparing import Pair, compare_page, compared, pairs_of
from .exhibits import Damaged, Exhibit, open_exhibit
from .facts import damaged_row
from .folders import INDEX, MADE_BY, check_target, copy, new_site, write
from .hub_card import FILE as HUB_CARD
from .hub_card import hub_card
from .index_page import index_page
from .model_page import ModelPage
from .options import Asked, runtime_folder
from .pages import Pages, write_assets
from .plugin_page import FILE as PLUGINS
from .plugin_page import listed_plugins, plugin_page
from .trying.assets import write_try_assets


@dataclass(frozen=True, kw_only=True)
class Made:
    """A finished site; `unfit` says by name and form which exports have no description in it, and why; `plugins`:
    how many its directory lists."""

    path: Path
    rows: tuple[Mapping[str, Any], ...]
    damaged: tuple[Damaged, ...]
    unfit: Mapping[str, str]
    plugins: int = 0

    @property
    def in_words(self) -> str:
        """What has come of it, on one line."""
        if not self.rows:
            return f"{self.path}: a directory of {counted(self.plugins, 'plugin')}, and no export"
        return f"{self.path}: {counted(len(self.rows) - len(self.damaged), 'page')} of exports, and their index"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "path": str(self.path),
            "pages": [row["name"] for row in self.rows if not row["error"]],
            "damaged": [{"name": each.name, "error": each.told} for each in self.damaged],
            "unfit": dict(self.unfit),
        }


def build(exports: Mapping[str, Path], target: Path, asked: Asked, *, progress: Callable[[str], None]) -> Made:
    """The site of these exports at `target`, which is replaced as a whole if it is an earlier one.

    An export that cannot be shown has a row that says why. Raises its error where there is no other, and ZooError where
    something else stands at `target`.
    """
    check_target(target)
    pairs = pairs_of(asked.pairs, exports)
    plugins = None if asked.plugins is None else listed_plugins(asked.plugins, asked.checks)
    pages = Pages({"title": asked.title, "pages": [] if plugins is None else [{"file": PLUGINS, "name": "Plugins"}]})
    with new_site(target) as folder, runtime_folder(asked) as runtime:
        rows, damaged, unfit = _write_models(folder, exports, pages, asked, pairs, progress)
        for pair in pairs:
            progress(f"{pair.a} and {pair.b}")
            _write_pair(folder, pair, pages, rows)
        if plugins is not None:
            write(folder / PLUGINS, plugin_page(pages, plugins))
            write(folder / "plugins.json", json_text([each.to_json() for each in plugins]))
        write_assets(folder)
        write_try_assets(folder, runtime)
        directory = "" if plugins is None else plugin_page(pages, plugins)
        write(folder / "index.html", index_page(pages, rows, pairs) if rows else directory)
        write(folder / INDEX, json_text({"schema": 1, "made_by": MADE_BY, "title": asked.title, "models": rows}))
    listed = len(plugins or ())
    return Made(path=target, rows=tuple(rows), damaged=tuple(damaged), unfit=unfit, plugins=listed)


def _write_models(
    folder: Path,
    exports: Mapping[str, Path],
    pages: Pages,
    asked: Asked,
    pairs: Sequence[Pair],
    progress: Callable[[str], None],
) -> tuple[list[dict[str, Any]], list[Damaged], dict[str, str]]:
    """The rows of the index, in the order of the exports, also of damaged ones; and which have no description."""
    rows: list[dict[str, Any]] = []
    damaged: list[Damaged] = []
    unfit: dict[str, str] = {}
    for name, path in exports.items():
        progress(name)
        try:
            exhibit = open_exhibit(name, path)
            rows.append(_write_model(folder, exhibit, pages, asked, pairs))
            if "bioimageio" in asked.formats:
                _write_bioimageio(folder / "models" / name, exhibit)
        except UnfitError as why:
            unfit[name] = str(why)
        except ZooError as error:
            damaged.append(Damaged(name=name, error=error, told=str(error).replace(str(path), name)))
            rows.append(damaged_row(damaged[-1]))
    if damaged and len(damaged) == len(rows):
        raise damaged[0].error
    return rows, damaged, unfit


def _write_model(folder: Path, exhibit: Exhibit, pages: Pages, asked: Asked, pairs: Sequence[Pair]) -> dict[str, Any]:
    page = ModelPage(exhibit, address=asked.address, pairs=pairs)
    text, data = page.html(pages), json_text(page.to_json())
    place = folder / "models" / exhibit.name
    for each in exhibit.files:
        copy(each.path, place / each.name)
    for picture, content in page.pictures().items():
        write(place / picture, content)
    if exhibit.card:
        write(place / HUB_CARD, hub_card(exhibit))
    write(place / "index.html", text)
    write(place / "model.json", data)
    return page.row


def _write_bioimageio(place: Path, exhibit: Exhibit) -> None:
    data, tensors = described(exhibit)
    for name, content in tensors.items():
        write(place / name, content)
    write(place / BIOIMAGEIO, json_text(data))


def _write_pair(folder: Path, pair: Pair, pages: Pages, rows: Sequence[Mapping[str, Any]]) -> None:
    found = compared(pair)
    addresses = {row["name"]: row["source"] for row in rows if not row["error"]}
    write(folder / pair.place / "index.html", compare_page(pages, pair, found, addresses))
    write(folder / pair.place / "diff.json", json_text(found))


def json_text(data: Any) -> str:
    """The same text for equal data."""
    return json.dumps(data, indent=1, allow_nan=False) + "\n"
