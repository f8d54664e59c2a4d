"""What a task means, without torch: metrics and decisions from arrays, and outputs as answers for people."""

from __future__ import annotations

from .classification import ImageClassification
from .task import Task, get_task

__all__ = ["ImageClassification", "Task", "get_task"]
