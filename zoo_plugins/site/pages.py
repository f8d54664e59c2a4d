"""Templates to pages: every text is escaped, and shown on one line without what would steer its reader."""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from zoo_core.commands import counted, terminal_line

from . import numbers

POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; img-src 'self' blob: data:; "
    "style-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'"
)
"""Nothing from elsewhere, nothing in the page itself that acts; a runtime may compile what this site holds."""
ASSETS = ("site.css", "index.js", "icon.svg")


class Pages:
    """The templates of the site, with what every page has: its name in `site`, and the way back up in `root`."""

    def __init__(self, site: Mapping[str, Any]) -> None:
        self._site = site
        self._environment = jinja2.Environment(
            loader=jinja2.FunctionLoader(_template),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            finalize=_shown,
            trim_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
        )
        self._environment.filters |= {
            "short": numbers.short,
            "tiny": numbers.tiny,
            "size": numbers.size,
            "amount": numbers.amount,
            "duration": numbers.duration,
            "percent": numbers.percent,
        }
        self._environment.globals |= {"counted": counted, "policy": POLICY}

    def page(self, template: str, *, root: str = "", **values: Any) -> str:
        """The page; `root` leads from its folder to that of the site."""
        return self._environment.get_template(template).render(site=self._site, root=root, **values)


def _template(name: str) -> str:
    return importlib.resources.files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


def _shown(value: Any) -> Any:
    """A text of somebody else's on one line; what is made here (Markup) and the commands, which have lines, stay."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return "\n".join(map(terminal_line, value.split("\n")))
    return value


def write_assets(site: Path) -> None:
    """The style, the script of the index and the icon, below `assets/`."""
    folder = importlib.resources.files(__package__).joinpath("assets")
    for name in ASSETS:
        path = site / "assets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(folder.joinpath(name).read_bytes())
