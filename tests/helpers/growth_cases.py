"""How much work each reader makes of a hostile file that grows: the cases of a test and of `benchmarks/growth.py`."""

from __future__ import annotations
