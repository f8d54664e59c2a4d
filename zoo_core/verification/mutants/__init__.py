"""Faults planted on purpose in a written export: does the check see them? Needs the onnx package, never torch.

Open `kinds.py` first: every kind of fault. `score.py` counts those that are seen.
"""

from __future__ import annotations

from .export_score import score_export
from .kinds import KINDS, Mutant, make_mutants, stale_weights
from .likeness import Healthy
from .mutable_graph import onnx_package
from .score import Judged, Likeness, MutationScore, judge_each

__all__ = [
    "KINDS",
    "Healthy",
    "Judged",
    "Likeness",
    "Mutant",
    "MutationScore",
    "judge_each",
    "make_mutants",
    "onnx_package",
    "score_export",
    "stale_weights",
]
