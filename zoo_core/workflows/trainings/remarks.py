"""What is worth a line before a training begins, because nothing fails of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from zoo_core.data import Samples
from zoo_core.records import counted

if TYPE_CHECKING:
    from torch import nn

_MOST_NAMED = 8


def frozen_parts(module: nn.Module, patterns: Sequence[str]) -> str:
    """Which parts are not trained, and how many parameters; empty where none is frozen."""
    from zoo_core.training.freezing import frozen_names

    if not patterns:
        return ""
    sizes = {name: parameter.numel() for name, parameter in module.named_parameters()}
    frozen = frozen_names(module, patterns)
    parts = dict.fromkeys(name.rpartition(".")[0] or name for name in frozen)
    count, total = sum(sizes[name] for name in frozen), sum(sizes.values())
    return f"Frozen: {_listed(parts)}; {count:,} of {total:,} parameters"


def classes_without_samples(train: Samples) -> str:
    """Which classes cannot be learned, because the training split has no sample of them; empty where all have some.

    Masks are not looked through.
    """
    if train.targets.ndim > 1 or not train.classes:
        return ""
    counts = np.bincount(train.targets, minlength=len(train.classes))
    missing = [name for name, count in zip(train.classes, counts, strict=True) if not count]
    if not missing:
        return ""
    return f"No training sample of {len(missing)} of {len(train.classes)} classes: {_listed(missing)}"


def skipped_files(skipped: Sequence[str]) -> str:
    """How many files are left out because they cannot be read, and the first of them; empty where none is."""
    if not skipped:
        return ""
    return f"Left out, because they cannot be read: {counted(len(skipped), 'file')}: {_listed(skipped)}"


def _listed(names: Iterable[str]) -> str:
    known = list(names)
    more = f" and {len(known) - _MOST_NAMED} more" if len(known) > _MOST_NAMED else ""
    return ", ".join(known[:_MOST_NAMED]) + more
