"""What a run or an export answers: metrics on a dataset, and predictions for files.

Open `predictor.py` first: a run or an export, opened alike. `prepared.py` makes a dataset fit it, `evaluate.py`
measures; `predict.py`, `input_files.py`, `predicted.py`, `results.py` and `shown.py` are `zoo predict`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core.lazy import lazy_names

if TYPE_CHECKING:
    from .predictor import Part, Predictor, load_part, open_predictor
    from .prepared import bind_prepared, choose_split
    from .shown import class_color, stretches

__all__ = [
    "Part",
    "Predictor",
    "bind_prepared",
    "choose_split",
    "class_color",
    "load_part",
    "open_predictor",
    "stretches",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        ".predictor": (
            "Part",
            "Predictor",
            "load_part",
            "open_predictor",
        ),
        ".prepared": (
            "bind_prepared",
            "choose_split",
        ),
        ".shown": (
            "class_color",
            "stretches",
        ),
    },
)
