"""For MkDocs: the pages of the site that lie at the root of the repository, where people look for them first.

`CONTRIBUTING.md` becomes `contributing.md` and so on, and links between them and the pages of `docs/` lead to each
other on the site as they do in the repository.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
PAGES = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md", "SECURITY.md": "security.md"}


def on_files(files: Files, *, config: Any) -> Files:
    """Add the pages from the root."""
    for source, page in PAGES.items():
        text = ROOT.joinpath(source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text.replace("](docs/", "](")))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """A page as it is on the site: links to the root lead to its pages, and comments for scripts are left out."""
    for source, page in PAGES.items():
        markdown = markdown.replace(f"](../{source}", f"]({page}").replace(f"]({source}", f"]({page}")
    return re.sub(r"^<!-- .*? -->\n", "", markdown, flags=re.MULTILINE)
