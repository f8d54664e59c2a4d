"""Answers that are the outputs themselves: features, pictures that a filter makes, fields of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from zoo_core import ZooError
from zoo_core.tasks import Answer, Outputs, Task


class ArrayTask(Task):
    """Arrays as the model gives them, one of each output for each sample."""

    gives: ClassVar[str] = "arrays"

    def decode(self, outputs: Outputs, *, labels: Sequence[str]) -> list[Answer]:
        """`{output: array}` for each sample; `labels` mean nothing here. Raises ZooError for NaN and infinity."""
        for name, value in outputs.items():
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                raise ZooError(f"output {name!r} is not finite", hint="check the weights and the inputs")
        count = len(next(iter(outputs.values())))
        return [{name: value[row] for name, value in outputs.items()} for row in range(count)]


class PictureTask(ArrayTask):
    """Arrays to look at."""

    gives: ClassVar[str] = "pictures"
