"""What is worth a line before a training begins and after it has ended, because nothing fails of it."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zoo_core.data import Samples
from zoo_core.records import RunInfo, counted, lasting
from zoo_core.tasks import Task

if TYPE_CHECKING:
    from torch import nn

_MOST_NAMED = 8
_USUAL_BATCH = 64
"""Of a trainer that has no option for it."""
_MANY_PARAMETERS = 10_000_000
"""For one thread of a processor, to be trained: a few steps a second at best."""
_LONG_ENOUGH = 0.5
_MANY_CLASSES = 10
_HARDLY_ANY = 2
"""So few training samples teach nothing of a class."""
_STEP_IN_FORWARDS = 3
"""Of what a forward pass costs: the way back costs two."""


def remarks_before(module: nn.Module, info: RunInfo, train: Samples | None, *, planned: bool = False) -> list[str]:
    """Everything that is worth a line before the first step; without `train`, nothing of the samples. `planned`: a plan
    tells where they lie."""
    found = [frozen_parts(module, info.freeze), skipped_files(info.skipped)]
    if train is not None:
        batch_size = info.config.get("batch_size", _USUAL_BATCH)
        found += [
            "" if planned else train.feed,
            *train.remarks,
            classes_without_samples(train),
            classes_with_few_samples(train),
            slow_epochs(module, train, batch_size=batch_size, device=info.device),
        ]
    return [remark for remark in found if remark]


def frozen_parts(module: nn.Module, patterns: Sequence[str]) -> str:
    """Which parts are not trained, and how many parameters; empty where none is frozen."""
    from zoo_core.training.freezing import frozen_names

    if not patterns:
        return ""
    sizes = {name: parameter.numel() for name, parameter in module.named_parameters()}
    frozen = frozen_names(module, patterns)
    parts = dict.fromkeys(name.rpartition(".")[0] or name for name in frozen)
    count, total = sum(sizes[name] for name in frozen), sum(sizes.values())
    return f"Frozen: {_listed(parts)}; {count:,} of {counted(total, 'parameter')}"


def classes_without_samples(train: Samples) -> str:
    """Which classes cannot be learned, because the training split has no sample of them; empty where all have some.

    Masks are not looked through.
    """
    if train.form != "classes":
        return ""
    missing = [name for name, count in zip(train.classes, _counts(train), strict=True) if not count]
    if not missing:
        return ""
    return f"No training sample of {len(missing)} of {counted(len(train.classes), 'class')}: {_listed(missing)}"


def classes_with_few_samples(train: Samples) -> str:
    """Whether most of many classes have hardly a training sample, as where each is an amount or the name of a single
    thing; empty where they have more."""
    if train.form != "classes" or len(train.classes) < _MANY_CLASSES:
        return ""
    few = int((_counts(train) <= _HARDLY_ANY).sum())
    if 2 * few <= len(train.classes):
        return ""
    classes = counted(len(train.classes), "class")
    return f"{few} of {classes} have at most {_HARDLY_ANY} training samples: hardly enough to learn them from"


def _counts(train: Samples) -> NDArray[np.int64]:
    return np.bincount(train.targets, minlength=len(train.classes))


def skipped_files(skipped: Sequence[str]) -> str:
    """How many files are left out because they cannot be read, and the first of them; empty where none is."""
    if not skipped:
        return ""
    return f"Left out, because they cannot be read: {counted(len(skipped), 'file')}: {_listed(skipped)}"


def slow_epochs(module: nn.Module, train: Samples, *, batch_size: int, device: str) -> str:
    """What an epoch of a big model will cost on a processor, measured; empty with an accelerator, or for a small model.

    Some samples are run through the module, in evaluation mode, until that takes long enough to be measured.
    """
    import torch

    from zoo_core.torch_modules import called

    count, threads = sum(parameter.numel() for parameter in module.parameters()), torch.get_num_threads()
    if device != "cpu" or count < _MANY_PARAMETERS * threads:
        return ""
    module.eval()
    rows = 1
    while True:
        inputs = {name: torch.from_numpy(values) for name, values in train.arrays(slice(0, rows)).items()}
        started = time.perf_counter()
        with torch.inference_mode():
            called(module, inputs)
        seconds = time.perf_counter() - started
        if seconds > _LONG_ENOUGH or rows >= min(batch_size, len(train)):
            break
        rows = min(4 * rows, batch_size, len(train))
    steps = math.ceil(len(train) / batch_size)
    epoch = seconds / min(rows, len(train)) * len(train) * _STEP_IN_FORWARDS
    return (
        f"{count:,} parameters are many for a processor ({counted(threads, 'thread')}): an epoch of "
        f"{counted(steps, 'step')} takes about {lasting(epoch)}. Shorter: -d train_size=N, -d size=N for smaller "
        "pictures, --freeze, a smaller model, or a machine with an accelerator"
    )


def ended_early(info: RunInfo, *, epochs: int) -> str:
    """Why a training was over after so many epochs, or was not where that was hoped for."""
    metric, patience, goal = info.metric, info.config.get("patience"), info.config.get("stop_at")
    best = info.validation.get(metric)
    over = f"Ended after {epochs} of {counted(info.epochs, 'epoch')}" if epochs < info.epochs else ""
    if goal is not None and best is not None:
        if best <= goal if info.selection.startswith("-") else best >= goal:
            return over and f"{over}: {metric} is {best:.4g}, and stop_at={goal:g} is good enough."
        return (
            f"{over or 'All epochs were trained'}: {metric} came to {best:.4g}, and stop_at={goal:g} was not reached."
        )
    return over and f"{over}: {counted(patience, 'epoch')} without a better result (patience)." if patience else ""


def with_remarks(
    info: RunInfo, splits: Mapping[str, Samples], task: Task, *, epochs: int, first: Sequence[str] = ()
) -> RunInfo:
    """The record of a finished run with what its metrics do not say: what comes `first`, which part chose the epoch,
    and whether they beat chance."""
    split = "validation" if info.test is None else "test"
    metrics = info.validation if info.test is None else info.test
    found = [*first, *filter(None, [ended_early(info, epochs=epochs)])]
    if info.test is None and epochs > 1:
        found.append(
            f"The validation part also chose the best of {epochs} epochs, and there is no test part: its numbers "
            "flatter a little. -d test_size=N sets a test part aside."
        )
    targets = splits[split].targets
    words = task.chance(metrics, targets, classes=info.classes)
    beats_chance = not words
    if words:
        has_classes = splits[split].form == "classes"
        counts = f"; zoo info {info.dataset} counts the samples of each class" if has_classes else ""
        found.append(
            f"Not clearly better than chance on the {split} part: {words}. Worth a try: more epochs, another learning "
            f"rate (-t lr=...), more data{counts}."
        )
    return dataclasses.replace(info, beats_chance=beats_chance, remarks=tuple(found))


def _listed(names: Iterable[str]) -> str:
    known = list(names)
    more = f" and {len(known) - _MOST_NAMED} more" if len(known) > _MOST_NAMED else ""
    return ", ".join(known[:_MOST_NAMED]) + more
