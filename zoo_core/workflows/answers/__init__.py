"""What a run or an export answers: metrics on a dataset, and predictions for files.

Open `predictor.py` first: a run or an export, opened alike. `prepared.py` makes a dataset fit it, `evaluate.py`
measures; `predict.py`, `input_files.py`, `predicted.py`, `results.py` and `shown.py` are `zoo predict`.
`in_memory.py` has its rows without files. `self_tested.py` asks an open model whether it computes here what its export
says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core.lazy import lazy_names

if TYPE_CHECKING:
    from zoo_core.workflows.same_data import compare_part, require_data

    from .in_memory import rows_in_memory
    from .predictor import Part, Predictor, load_part, open_predictor
    from .prepared import bind_prepared, choose_split
    from .self_tested import require_self_test, self_test
    from .shown import class_color, stretches

__all__ = [
    "Part",
    "Predictor",
    "bind_prepared",
    "choose_split",
    "class_color",
    "compare_part",
    "load_part",
    "open_predictor",
    "require_data",
    "require_self_test",
    "rows_in_memory",
    "self_test",
    "stretches",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        ".in_memory": ("rows_in_memory",),
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
        ".self_tested": ("require_self_test", "self_test"),
        "zoo_core.workflows.same_data": (
            "compare_part",
            "require_data",
        ),
        ".shown": (
            "class_color",
            "stretches",
        ),
    },
)
