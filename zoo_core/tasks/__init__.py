"""What a task means, without torch: metrics and decisions from arrays, and outputs as answers for people.

Open `task.py` first: the interface, and the look-up by name.
"""

from __future__ import annotations

from .counts import ClassCounts, confusion_matrix
from .decisions import ClassDecisions, decisions_of
from .logits import class_columns, class_count, deciding_logits, log_softmax
from .task import Tally, Task, get_task

__all__ = [
    "ClassCounts",
    "ClassDecisions",
    "Tally",
    "Task",
    "class_columns",
    "class_count",
    "confusion_matrix",
    "deciding_logits",
    "decisions_of",
    "get_task",
    "log_softmax",
]
