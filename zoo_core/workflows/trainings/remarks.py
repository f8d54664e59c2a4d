"""What is worth a line before a training begins, because nothing fails of it."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from zoo_core.data import Samples
from zoo_core.records import counted, lasting

if TYPE_CHECKING:
    from torch import nn

_MOST_NAMED = 8
_MANY_PARAMETERS = 10_000_000
"""For one thread of a processor, to be trained: a few steps a second at best."""
_LONG_ENOUGH = 0.5
_STEP_IN_FORWARDS = 3
"""Of what a forward pass costs: the way back costs two."""


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


def slow_epochs(module: nn.Module, train: Samples, *, batch_size: int, device: str) -> str:
    """What an epoch of a big model will cost on a processor, measured; empty with an accelerator, or for a small model.

    Some samples are run through the module, in evaluation mode, until that takes long enough to be measured.
    """
    import torch

    count, threads = sum(parameter.numel() for parameter in module.parameters()), torch.get_num_threads()
    if device != "cpu" or count < _MANY_PARAMETERS * threads:
        return ""
    module.eval()
    rows = 1
    while True:
        inputs = torch.from_numpy(train.batch(slice(0, rows)))
        started = time.perf_counter()
        with torch.inference_mode():
            module(inputs)
        seconds = time.perf_counter() - started
        if seconds > _LONG_ENOUGH or rows >= min(batch_size, len(train)):
            break
        rows = min(4 * rows, batch_size, len(train))
    steps = math.ceil(len(train) / batch_size)
    epoch = seconds / len(inputs) * len(train) * _STEP_IN_FORWARDS
    return (
        f"{count:,} parameters are many for a processor ({counted(threads, 'thread')}): an epoch of "
        f"{counted(steps, 'step')} takes about {lasting(epoch)}. Shorter: -d train_size=N, -d size=N for smaller "
        "pictures, --freeze, a smaller model, or a machine with an accelerator"
    )


def _listed(names: Iterable[str]) -> str:
    known = list(names)
    more = f" and {len(known) - _MOST_NAMED} more" if len(known) > _MOST_NAMED else ""
    return ", ".join(known[:_MOST_NAMED]) + more
