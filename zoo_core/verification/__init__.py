"""The parts of the check that need no torch: inputs, bounds, structure, decisions, self-test, test vectors."""

from __future__ import annotations

from .bundle import verify_export

__all__ = ["verify_export"]
