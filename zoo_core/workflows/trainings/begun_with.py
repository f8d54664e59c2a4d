"""What is to be known of the weights that a training begins with: what they have seen, and what they were fed with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.data import BoundDataset, Samples
from zoo_core.errors import ZooError
from zoo_core.offer_lookup import recorded_entry
from zoo_core.records import RunInfo, counted
from zoo_core.registry import Zoo
from zoo_core.shelf import is_run
from zoo_core.training.run import Run, load_run
from zoo_core.training.weight_files import is_weight_file
from zoo_core.workflows.answers.prepared import bind_prepared

_MEASURED = ("validation", "test")
_AT_ONCE = 256


def remarks_on_weights(
    zoo: Zoo, info: RunInfo, dataset: BoundDataset, splits: Mapping[str, Samples]
) -> tuple[str, ...]:
    """What is to be known of the runs that the weights of `info` come from, in sentences: whether its inputs are made
    as theirs were, and how many samples of which part they were trained on; of that nothing for another dataset."""
    runs = list(_runs_before(info))
    seen = [_seen(zoo, run, dataset, splits) for run in runs if _is_of(run, dataset)]
    return tuple(filter(None, [*(_made_otherwise(run, dataset) for run in runs[:1]), *seen]))


def _made_otherwise(run: Run, dataset: BoundDataset) -> str:
    """Which inputs are made by a recipe that has learnt other words or categories. Means and deviations are near enough
    to those of other samples."""
    theirs, ours = run.recipes, dataset.recorded_recipes
    shared = [name for name in ours if name in theirs and ours[name].name == theirs[name].name]
    names = [name for name in shared if _numbering(ours[name].learnt) != _numbering(theirs[name].learnt)]
    if not names:
        return ""
    inputs = f"The {'inputs' if len(names) > 1 else 'input'} {' and '.join(map(repr, names))}"
    return (
        f"{inputs} {'are' if len(names) > 1 else 'is'} made by what other samples have taught, and not as in run "
        f"{run.name!r}, whose weights it begins with: a number may stand for another word or category than these "
        "weights have learnt. With the -d options of that run it stands for the same."
    )


def _numbering(learnt: Any) -> Any:
    """What was learnt, without numbers that are no whole ones."""
    if isinstance(learnt, Mapping):
        return {name: _numbering(value) for name, value in learnt.items()}
    if isinstance(learnt, list | tuple):
        return [_numbering(value) for value in learnt]
    return None if isinstance(learnt, float) else learnt


def _runs_before(info: RunInfo) -> Iterator[Run]:
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


def _seen(zoo: Zoo, run: Run, dataset: BoundDataset, splits: Mapping[str, Samples]) -> str:
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
    own = zoo.dataset(recorded_entry(zoo, "dataset", run.info.dataset, plugin=run.info.dataset_plugin).qualified)
    bound = bind_prepared(
        own,
        {},
        recipe=dataset.preprocess,
        inputs=dataset.inputs,
        recipes=dataset.recorded_recipes,
        recorded=run.info.dataset_options,
        left_out=run.info.skipped,
    )
    return bound.load("train")


def _digests(samples: Samples) -> Iterator[bytes]:
    """The hash of what each sample is, in all inputs; what is true of it does not count."""
    names = sorted(samples.inputs)
    for start in range(0, len(samples), _AT_ONCE):
        parts = [samples.inputs[name][start : start + _AT_ONCE] for name in names]
        for sample in zip(*parts, strict=True):
            digest = hashlib.sha256()
            for value in sample:
                digest.update(_bytes_of(value))
            yield digest.digest()


def _bytes_of(value: NDArray[np.generic]) -> bytes:
    array = np.asarray(value)
    return f"{array.dtype} {array.shape}".encode() + array.tobytes()
