"""Tasks whose answers are numbers, with nothing to be right about: features, and pictures that a filter makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NoReturn

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError


@dataclass(frozen=True)
class ArrayTask:
    """Arrays as the model gives them, one of each output for each sample. `name`: features or image-filter."""

    name: str
    selection: ClassVar[str] = ""

    @property
    def gives(self) -> Literal["arrays", "pictures"]:
        """Arrays, or arrays to look at."""
        return "pictures" if self.name == "image-filter" else "arrays"

    def tally(self) -> NoReturn:
        """There is none: raises ZooError."""
        raise ZooError(
            f"{self.name} has no metrics: there is no truth that its outputs could be compared with",
            hint="zoo predict gives its outputs",
        )

    def metrics(self, outputs: Mapping[str, NDArray[Any]], targets: NDArray[Any]) -> dict[str, float]:
        """There are none: raises ZooError."""
        self.tally()

    def decode(self, outputs: Mapping[str, NDArray[Any]], *, labels: Sequence[str]) -> list[dict[str, Any]]:
        """`{output: array}` for each sample; `labels` mean nothing here. Raises ZooError for NaN and infinity."""
        for name, value in outputs.items():
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                raise ZooError(f"output {name!r} is not finite", hint="check the weights and the inputs")
        count = len(next(iter(outputs.values())))
        return [{name: value[row] for name, value in outputs.items()} for row in range(count)]
