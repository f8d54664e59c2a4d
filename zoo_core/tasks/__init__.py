"""What a task means, without torch: the interface that plugins implement, and tools for those who do.

Open `task.py` first: the interface, and the look-up by name.
"""

from __future__ import annotations

from .counts import ClassCounts, class_rows, confusion_matrix
from .logits import check_labels, class_columns, class_count, log_softmax
from .named_losses import loss_by_name
from .outputs import finite_output, output_of
from .task import Answer, Deciding, Example, Judged, Outputs, Tally, Task, TrainingLoss, get_task, task_of

__all__ = [
    "Answer",
    "ClassCounts",
    "Deciding",
    "Example",
    "Judged",
    "Outputs",
    "Tally",
    "Task",
    "TrainingLoss",
    "check_labels",
    "class_columns",
    "class_count",
    "class_rows",
    "confusion_matrix",
    "finite_output",
    "get_task",
    "log_softmax",
    "loss_by_name",
    "output_of",
    "task_of",
]
