"""How far long work has come that a command does before its own begins: told to whoever has asked to hear of it."""

from __future__ import annotations

import time
from collections.abc import Callable

EVERY_SECONDS = 5.0
"""Nobody hears more often of work that is not done yet."""

_listener: Callable[[str], None] | None = None
_told: dict[str, tuple[float, float]] = {}


def listen_to_progress(listener: Callable[[str], None] | None) -> None:
    """From now on `listener` gets a line now and then; None: nobody listens."""
    global _listener
    _listener = listener


def tell_progress(doing: str, done: int, total: int) -> None:
    """So many of all samples are done. Work that is over sooner than it would be told of is not told of."""
    now = time.monotonic()
    began, last = _told.setdefault(doing, (now, now))
    if done >= total:
        _told.pop(doing, None)
    if _listener is None or now - last < EVERY_SECONDS:
        return
    if done < total:
        _told[doing] = (began, now)
    left = (now - began) / done * (total - done) if done else 0.0
    _listener(f"{doing} {done:,} of {total:,}" + (f", {left:.0f} s left" if done < total else ""))
