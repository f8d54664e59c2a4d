"""Training needs packages that the base install lacks; this says so in one line instead of a traceback."""

from __future__ import annotations

import importlib

from zoo_core.errors import MissingExtraError


def need_torch(needed_for: str) -> None:
    """Raise MissingExtraError unless torch and safetensors can be imported."""
    for package in ("torch", "safetensors"):
        try:
            importlib.import_module(package)
        except ImportError:
            raise MissingExtraError(needed_for=needed_for, extra="train", missing=package) from None
