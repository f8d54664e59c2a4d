"""What `zoo site` needs besides the base install."""

from __future__ import annotations

import importlib.util

from zoo_core import MissingExtraError


def require_extra() -> None:
    """Raise MissingExtraError, with the command that brings it, where jinja2 is not installed."""
    try:
        found = importlib.util.find_spec("jinja2") is not None
    except ValueError:  # it is blocked
        found = False
    if not found:
        raise MissingExtraError(needed_for="zoo site", extra="site", missing="jinja2")
