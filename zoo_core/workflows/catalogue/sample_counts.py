"""How many samples a dataset has, by split and class, where its data are at hand."""

from __future__ import annotations

from typing import Any

from zoo_core.data import BoundDataset
from zoo_core.errors import ZooError


def count_samples(bound: BoundDataset, *, download: bool, asked: bool) -> tuple[dict[str, Any] | None, str | None]:
    """`{split: {"total": n, "classes": {name: n}}}`; or None, and why. `classes` is None where samples are masks.

    Raises ZooError where options were `asked` for that cannot be with the data that are there.
    """
    try:
        counts = {split: bound.count(split, download=download) for split in bound.split_names}
    except ZooError as error:
        if asked and bound.is_read:
            raise
        return None, f"samples are not counted: {error.message}" + (f"; {error.hint}" if error.hint else "")
    return {split: {"total": total, "classes": classes} for split, (total, classes) in counts.items()}, None
