"""Faults that are planted in copies of an export: asked for, counted, and their score kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo_core.commands.common import say
from zoo_core.errors import UsageError

if TYPE_CHECKING:
    from zoo_core.runtime.running.isolated import Isolated
    from zoo_core.verification.mutants import MutationScore


def check_planting(mutants: bool, save: bool) -> None:
    """Raise before anything is checked where faults cannot be planted, or a score is kept that nobody asks for."""
    if save and not mutants:
        raise UsageError("--save keeps the score of --mutants, which is not asked for", hint="add --mutants")
    if mutants:
        from zoo_core.verification.mutants import onnx_package

        onnx_package()


def keep_score(path: Path, score: MutationScore | None, *, told: bool) -> None:
    """Keep a score beside the export that it is of, and say where; nothing where there is none to keep."""
    from zoo_core.workflows.exports.claims import save_claim

    if score is not None:
        kept = save_claim(path, "mutants", {"mutants": score.to_json()})
        if told:
            say(f"Saved: {kept}")


def planted_score(path: Path, isolated: Isolated) -> MutationScore:
    """Plant faults in copies of an export, counted on a terminal, and see which the check sees."""
    from zoo_core.verification.mutants import score_export

    from .mutation_table import mutation_progress

    with mutation_progress() as progress:
        return score_export(path, isolated=isolated, progress=progress)
