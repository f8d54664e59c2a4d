"""The names of torchvision's models, read from its files: importing it takes seconds, and a list needs none of it."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

_REGISTERED = re.compile(r'^@register_model\((?:name="(?P<name>\w+)")?\)')
_FUNCTION = re.compile(r"^def (?P<name>\w+)\(")


def installed_names() -> tuple[str, ...]:
    """What `torchvision.models.list_models()` gives for the installed torchvision, sorted.

    Raises ModuleNotFoundError without torchvision.
    """
    package = importlib.util.find_spec("torchvision")
    folders = list(package.submodule_search_locations or ()) if package is not None else []
    if not folders:
        raise ModuleNotFoundError("No module named 'torchvision'", name="torchvision")
    names: set[str] = set()
    for path in Path(folders[0], "models").rglob("*.py"):
        names.update(_registered(path.read_text(encoding="utf-8")))
    if not names:  # a torchvision that is laid out in another way
        from torchvision.models import list_models

        names.update(list_models())
    return tuple(sorted(names))


def _registered(text: str) -> list[str]:
    """Names that a file registers: that of the decorator, else that of the function which it decorates."""
    found: list[str] = []
    decorated = False
    for line in text.splitlines():
        if match := _REGISTERED.match(line):
            decorated = match["name"] is None
            if match["name"]:
                found.append(match["name"])
        elif decorated and (match := _FUNCTION.match(line)):
            found.append(match["name"])
            decorated = False
    return found
