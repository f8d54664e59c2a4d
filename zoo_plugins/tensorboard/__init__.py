"""Curves for TensorBoard: with ZOO_TENSORBOARD=1, each training also writes `runs/NAME/tensorboard/`.

It is off unless asked for, because TensorBoard is in many environments for the sake of other programs.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from zoo_core import hookimpl

if TYPE_CHECKING:
    from zoo_core import EpochRow, RunInfo, TrainResult

SWITCH = "ZOO_TENSORBOARD"


@hookimpl
def zoo_epoch_ended(run: RunInfo, row: EpochRow) -> None:
    if os.environ.get(SWITCH) == "1":
        from .curves import write_epoch

        write_epoch(run, row)


@hookimpl
def zoo_trained(run: RunInfo, result: TrainResult) -> None:
    if os.environ.get(SWITCH) == "1":
        from .curves import write_test

        write_test(run, result)
