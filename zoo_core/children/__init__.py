"""A process of its own for what may crash, hang or print: it streams messages, and its parent watches the clock."""

from __future__ import annotations

from .parent import Child

__all__ = ["Child"]
