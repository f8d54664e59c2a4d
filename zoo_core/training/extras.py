"""Training needs packages that the base install lacks; this says so in one line instead of a traceback."""

from __future__ import annotations

import importlib
import os
import sys

from zoo_core.errors import MissingExtraError


def need_torch(needed_for: str) -> None:
    """Raise MissingExtraError unless torch and safetensors can be imported."""
    if "torch" not in sys.modules:
        # Threads that spin while they wait make small models 2 to 5 times slower as soon as anything else runs on the
        # machine. It is read when torch is loaded, changes no result, and the user's own setting stands.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for package in ("torch", "safetensors"):
        try:
            importlib.import_module(package)
        except ImportError:
            raise MissingExtraError(needed_for=needed_for, extra="train", missing=package) from None
