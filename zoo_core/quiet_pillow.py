"""Pillow's warnings, silenced so that threads may do it: `warnings.catch_warnings` puts back what others changed."""

from __future__ import annotations

import contextlib
import re
import threading
import warnings
from collections.abc import Iterator

_lock = threading.Lock()
_inside = 0
_SILENT = ("ignore", None, Warning, re.compile(r"PIL\."), 0)
"""What Python's list of filters holds for "nothing that a module of Pillow warns of"."""


@contextlib.contextmanager
def pillow_quiet() -> Iterator[None]:
    """Nothing that Pillow warns of is told while the block runs; all other filters stay, whoever changes them."""
    global _inside
    with _lock:
        if not _inside:
            warnings.filters.insert(0, _SILENT)  # type: ignore[attr-defined]
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                with contextlib.suppress(ValueError):  # somebody has put back the filters of before
                    warnings.filters.remove(_SILENT)  # type: ignore[attr-defined]
