"""As many real samples as an export can be checked on at once, where not all of them fit into memory."""

from __future__ import annotations

import math

import numpy as np

from zoo_core.children.memory import default_memory_limit
from zoo_core.data import LazyRows, Samples
from zoo_core.data.feeding import MEMORY_SHARE
from zoo_core.records import counted
from zoo_core.registry import warn

_FLOAT_BYTES = 4


def fitting_rows(samples: Samples, *, most: int | None = None) -> Samples:
    """The samples; of more than `most` bytes, as a model takes them, so many from all over them as fit, and a warning.

    Samples that are in memory already are taken as they are. `most`: half of what is free unless given.
    """
    if not any(isinstance(stored, LazyRows) for stored in samples.inputs.values()):
        return samples
    if most is None:
        free = default_memory_limit()
        most = None if free is None else int(MEMORY_SHARE * free)
    each = sum(_FLOAT_BYTES * math.prod(stored.shape[1:]) for stored in samples.inputs.values())
    if most is None or each * len(samples) <= most:
        return samples
    count = max(1, most // each)
    warn(f"the file is checked on {counted(count, 'sample')} of {len(samples):,}: more do not fit into memory at once")
    return samples.at(np.linspace(0, len(samples) - 1, count).astype(np.int64))
