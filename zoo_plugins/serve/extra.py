"""What `zoo serve` needs besides the base install."""

from __future__ import annotations

import importlib.util

from zoo_core import MissingExtraError

PACKAGES = ("starlette", "uvicorn", "python_multipart", "prometheus_client")


def require_extra() -> None:
    """Raise MissingExtraError, with the command that brings it, where a package is not installed."""
    for name in PACKAGES:
        if importlib.util.find_spec(name) is None:
            raise MissingExtraError(needed_for="zoo serve", extra="serve", missing=name)
