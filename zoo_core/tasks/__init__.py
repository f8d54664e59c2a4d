"""What a task means, without torch: metrics and decisions from arrays, and outputs as answers for people."""

from __future__ import annotations

from .decisions import ClassDecisions, decisions_of
from .task import Tally, Task, get_task

__all__ = ["ClassDecisions", "Tally", "Task", "decisions_of", "get_task"]
