"""From a run, or a model with weights, to a published export.

Open `export_source.py` first: it makes the plan that `zoo_core.export` carries out. `chosen_weights.py` finds the
weights: published ones, those of a file, or seeded fresh ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core.lazy import lazy_names

if TYPE_CHECKING:
    from .chosen_weights import ChosenWeights, choose_weights, published_weights, recipe_for, refuse_for_run
    from .claims import save_claim

__all__ = [
    "ChosenWeights",
    "choose_weights",
    "published_weights",
    "recipe_for",
    "refuse_for_run",
    "save_claim",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        ".chosen_weights": (
            "ChosenWeights",
            "choose_weights",
            "published_weights",
            "recipe_for",
            "refuse_for_run",
        ),
        ".claims": ("save_claim",),
    },
)
