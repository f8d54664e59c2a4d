"""Every reader of files that strangers make, with good files to damage: for a test and for `benchmarks/fuzz.py`.

A module for each kind of files; each has its `readers()`, and `reader.py` what they are and how they are given files.
"""

from __future__ import annotations

from . import archives, graphs, numbers, pictures, recipes, records, servers, weights
from .reader import Outcome, Reader, fuzz

__all__ = ["Outcome", "Reader", "fuzz", "readers"]


def readers() -> dict[str, Reader]:
    """Every reader by its name."""
    kinds = (graphs, records, weights, numbers, archives, pictures, recipes, servers)
    return {name: reader for kind in kinds for name, reader in kind.readers().items()}
