"""Runs that are stopped between two epochs, and what is left of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from small_jobs import Stop
from small_jobs import stop_after as raising_after

from zoo_core.workflows.trainings.one_training import TrainCallbacks


def stop_after(epoch: int, error: type[BaseException] = Stop) -> TrainCallbacks:
    """Callbacks that end a training after an epoch."""
    return TrainCallbacks(on_epoch=raising_after(epoch, error))


def weights(folder: Path, run: str = "run") -> bytes:
    return (folder / "runs" / run / "weights.safetensors").read_bytes()


def rows_without_time(folder: Path, run: str = "run") -> list[dict[str, Any]]:
    timed = {"seconds", "samples_per_second", "feed_share"}
    lines = (folder / "runs" / run / "metrics.jsonl").read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if key not in timed} for line in lines]
