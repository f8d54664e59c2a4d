"""What `zoo serve` needs besides the base install."""

from __future__ import annotations

import importlib.util

from zoo_core import MissingExtraError

PACKAGES = ("starlette", "uvicorn", "python_multipart", "prometheus_client")


def require_extra(*, grpc: bool) -> None:
    """Raise MissingExtraError, with the command that brings it, where a package is not installed."""
    _require(PACKAGES, extra="serve", needed_for="zoo serve")
    if grpc:
        _require(("grpc", "google.protobuf"), extra="grpc", needed_for="zoo serve --grpc-port")


def _require(packages: tuple[str, ...], *, extra: str, needed_for: str) -> None:
    for name in packages:
        try:
            found = importlib.util.find_spec(name) is not None
        except (ModuleNotFoundError, ValueError):  # its parent is not there, or it is blocked
            found = False
        if not found:
            raise MissingExtraError(needed_for=needed_for, extra=extra, missing=name)
