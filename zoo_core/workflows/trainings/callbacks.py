"""Who watches a training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from zoo_core.records import BestExport, EpochRow, RunInfo


@dataclass(frozen=True, kw_only=True)
class TrainCallbacks:
    """`on_start(info, done)`: the run's record, the epochs already done; `on_within(step, steps)`: the steps already
    done of the next one, where it goes on within it; `on_note(text)`: what is worth a line before the first step;
    `on_export(export)`: what came of the export of a new best, before the epoch is told in which it came."""

    on_start: Callable[[RunInfo, int], None] = lambda info, done: None
    on_within: Callable[[int, int], None] = lambda step, steps: None
    on_epoch: Callable[[EpochRow], None] = lambda row: None
    on_batch: Callable[[int, int], None] = lambda step, steps: None
    on_note: Callable[[str], None] = lambda text: None
    on_export: Callable[[BestExport], None] = lambda export: None
