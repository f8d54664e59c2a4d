"""Whether the weights that a training begins with have seen its validation or its test part in theirs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo_core.data import BoundDataset, Samples
from zoo_core.errors import ZooError
from zoo_core.records import RunInfo, counted
from zoo_core.registry import Zoo
from zoo_core.shelf import is_run
from zoo_core.training.run import Run, load_run
from zoo_core.training.weight_files import is_weight_file
from zoo_core.workflows.answers.prepared import bind_prepared

_MEASURED = ("validation", "test")


def seen_before(zoo: Zoo, info: RunInfo, dataset: BoundDataset, splits: Mapping[str, Samples]) -> str:
    """What is to be known of the runs that the weights of `info` come from, in a sentence: how many samples of which
    part they were trained on. Empty where that is none, or where they were trained on another dataset."""
    told = [_told(zoo, run, dataset, splits) for run in _begun_with(info) if _is_of(run, dataset)]
    return " ".join(filter(None, told))


def _begun_with(info: RunInfo) -> Iterator[Run]:
    """The run whose weights a run begins with, the one whose weights that one began with, and so on, where known."""
    seen: set[Path] = set()
    while info.init_from is not None:
        path = Path(info.init_from)
        try:
            run = load_run(path.parent if is_weight_file(info.init_from) else info.init_from)
        except ZooError:
            return  # published weights, a file of weights alone, or a run that is gone
        if run.path.resolve() in seen or not is_run(run.path):
            return
        seen.add(run.path.resolve())
        yield run
        info = run.info


def _is_of(run: Run, dataset: BoundDataset) -> bool:
    return (run.info.dataset_plugin, run.info.dataset) == (dataset.plugin, dataset.name)


def _told(zoo: Zoo, run: Run, dataset: BoundDataset, splits: Mapping[str, Samples]) -> str:
    measured = {name: splits[name] for name in _MEASURED if name in splits}
    if splits["train"].fingerprint == run.info.dataset_fingerprint:
        return ""  # what is trained on now was trained on then, and the parts share no sample
    unknown = f"Whether run {run.name!r}, whose weights it begins with, was trained on samples of"
    unknown += f" {_named(measured)} cannot be said:"
    try:
        theirs = _trained_on(zoo, run, dataset)
    except ZooError:
        return f"{unknown} its data are no longer there."
    if theirs.fingerprint != run.info.dataset_fingerprint:
        return f"{unknown} its data have changed since."
    known = set(_digests(theirs))
    shared = {name: sum(each in known for each in _digests(samples)) for name, samples in measured.items()}
    if not any(shared.values()):
        return ""
    parts = [
        f"{number:,} of {counted(len(measured[name]), 'sample')} of the {name} part"
        for name, number in shared.items()
        if number
    ]
    return (
        f"Run {run.name!r}, whose weights it begins with, was trained on {' and '.join(parts)}: "
        "their numbers flatter. With the -d options of that run the parts are the same."
    )


def _named(parts: Mapping[str, Samples]) -> str:
    return f"the {' or the '.join(parts)} part"


def _trained_on(zoo: Zoo, run: Run, dataset: BoundDataset) -> Samples:
    """What a run was trained on, in the form in which samples of this dataset are kept."""
    own = zoo.dataset(f"{run.info.dataset_plugin}/{run.info.dataset}")
    bound = bind_prepared(
        own,
        {},
        recipe=dataset.preprocess,
        inputs=dataset.inputs,
        recipes=dataset.recorded_recipes,
        recorded=run.info.dataset_options,
    )
    return bound.load("train")


def _digests(samples: Samples) -> Iterator[bytes]:
    """The hash of what each sample is, in all inputs; what is true of it does not count."""
    for index in range(len(samples)):
        digest = hashlib.sha256()
        for name in sorted(samples.inputs):
            digest.update(_bytes_of(samples.inputs[name][index]))
        yield digest.digest()


def _bytes_of(value: NDArray[np.generic]) -> bytes:
    array = np.asarray(value)
    return f"{array.dtype} {array.shape}".encode() + array.tobytes()
