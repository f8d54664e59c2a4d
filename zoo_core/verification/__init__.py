"""The parts of the check that need no torch, for the export and for who gets the file.

Open `conclude/recheck.py` first, which is `zoo verify`. `feed/` is what the file is fed with, `subject/` runs it in a
child process, `expect/` says what is right, `conclude/` has the rules. `mutants/` plants faults, and counts which of
them are seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core.lazy import lazy_names

if TYPE_CHECKING:
    from .expect.drawn_cases import SelfTestCase, self_test_cases

__all__ = [
    "SelfTestCase",
    "self_test_cases",
]

__getattr__, __dir__ = lazy_names(__name__, {".expect.drawn_cases": ("SelfTestCase", "self_test_cases")})
