"""What killed processes have left beside folders that were being replaced: it is put back or removed when seen."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_LEFT = ("old",) if sys.platform == "win32" else ("old", "tmp", "lock")
"""Without locks nobody can tell whether a process still builds there."""


def settle_below(base: Path) -> None:
    """Put back or remove whatever was left in this folder; what a live process holds stays."""
    left = [path for what in _LEFT for path in base.glob(f".?*.{what}")]
    _recover({path.with_name(path.name.removeprefix(".").rpartition(".")[0]) for path in left})


def settle(path: Path) -> None:
    """Put back what was moved aside for a folder; a look costs no more than this, unless somebody was killed there."""
    # A folder that cannot have such a neighbour, for its name is too long, was not moved aside.
    if path.name and os.path.isdir(path.with_name(f".{path.name}.old")):
        _recover({path})


def _recover(targets: set[Path]) -> None:
    if targets:
        from .replacing import recover

        for target in targets:
            recover(target)
