"""The names of timm's architectures, read from its files: importing it takes many seconds."""

from __future__ import annotations

import functools
import importlib.util
import re
from pathlib import Path

LIBRARY = "timm"
LICENSE = "Apache-2.0"
"""Of timm's code; each set of weights has its own."""

_REGISTERED = re.compile(r"^@register_model\b[^\n]*\n(?:@[^\n]*\n)*def (?P<name>\w+)\(", re.MULTILINE)


@functools.cache
def installed_names() -> tuple[str, ...]:
    """What `timm.list_models()` gives for the installed timm, sorted. Names that timm calls deprecated are not listed.

    Raises ImportError, with the pip command, without timm.
    """
    package = importlib.util.find_spec(LIBRARY)
    folders = list(package.submodule_search_locations or ()) if package is not None else []
    if not folders:
        raise ModuleNotFoundError(f"No module named {LIBRARY!r}", name=LIBRARY)
    names: set[str] = set()
    for path in Path(folders[0], "models").glob("*.py"):
        names.update(match["name"] for match in _REGISTERED.finditer(path.read_text(encoding="utf-8")))
    if not names:  # a timm that is laid out in another way
        from timm import list_models

        names.update(list_models())
    return tuple(sorted(names))


def about(name: str) -> dict[str, str]:
    """What all architectures have in common."""
    return {"task": "image-classification", "license": LICENSE}
