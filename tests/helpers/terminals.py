"""A terminal in the place of stderr, and what is seen on it."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import sys
from collections.abc import Iterator

import pytest


@contextlib.contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A terminal in the place of stderr; the side that shows what was written to it."""
    ours, theirs = pty.openpty()
    with monkeypatch.context() as patch, os.fdopen(theirs, "w", encoding="utf-8") as stream:
        patch.setenv("TERM", "xterm")
        patch.setenv("COLUMNS", "100")
        patch.setattr(sys, "stderr", stream)
        yield ours
    os.close(ours)


def shown(ours: int) -> str:
    """Everything that was written so far."""
    os.set_blocking(ours, False)
    parts = []
    try:
        while part := os.read(ours, 65536):
            parts.append(part)
    except BlockingIOError:
        pass
    return b"".join(parts).decode()


def text_only(text: str) -> str:
    """Without colours and movements."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
