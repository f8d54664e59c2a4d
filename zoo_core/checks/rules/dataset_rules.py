"""Rules for a dataset: what it declares is there, once, always in the same order, and its absence is explained."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.checks.apart.own_process import in_child
from zoo_core.checks.candidates.candidates import DatasetCandidate
from zoo_core.checks.rule import BrokenRuleError, NotApplicableError, rules
from zoo_core.data import Samples
from zoo_core.data.loader_call import RootNeededError
from zoo_core.errors import ZooError
from zoo_core.files import temporary_folder
from zoo_core.plugin_faults import plugin_line
from zoo_core.specs import IGNORED

from .origin import check_origin

_HASH_SEEDS = ("1", "2")
_AT_ONCE = 256


def says_where_it_comes_from(dataset: DatasetCandidate) -> None:
    """The spec gives a source and a license.

    Who publishes a model that was trained on the data has to know both. A license that is no SPDX name, and a source
    that is no address, are a remark.
    """
    spec = dataset.dataset.spec
    if spec.classes is None and not spec.download_bytes and (dataset.options or not _is_made_up(dataset)):
        raise NotApplicableError("the data are the user's own")
    check_origin(spec, called=f"DatasetSpec {spec.name!r}")


def gives_what_it_declares(dataset: DatasetCandidate) -> None:
    """Samples have the declared shape and type and are finite, and each has a target, which is the number of a class.

    Shapes are believed before any data are read: models are built for them. A label beyond the classes ends a training
    after an hour.
    """
    specs = dataset.bound.inputs
    for split, samples in _splits(dataset):  # who reads them looks at shapes, numbers and targets, and raises
        for start in range(0, len(samples), _AT_ONCE):
            for name, batch in samples.arrays(slice(start, start + _AT_ONCE)).items():
                if batch.dtype != specs[name].dtype:
                    raise BrokenRuleError(f"split {split} gives {batch.dtype}, but {specs[name].dtype} is declared")
                if not np.isfinite(batch).all():
                    raise BrokenRuleError(f"split {split} has a sample that is not finite, near number {start}")


def classes_have_samples(dataset: DatasetCandidate) -> None:
    """Every class has a sample to train on.

    A class without one is never learnt, and nobody sees it in the measures.
    """
    _, samples = next(_readable(dataset))
    if samples.form in {"numbers", "pictures"}:
        raise NotApplicableError(f"its targets are {samples.form}, and no classes")
    counted = samples.targets.classes if samples.form == "boxes" else samples.targets
    if samples.form == "flags":
        counted = np.nonzero(counted)[1]
    elif samples.is_masked:
        counted = counted[counted != IGNORED]
    if missing := sorted(set(range(len(samples.classes))) - set(np.unique(counted).tolist())):
        names = ", ".join(samples.classes[number] for number in missing[:3])
        raise BrokenRuleError(f"no sample to train on is of class {names}")


def splits_are_disjoint(dataset: DatasetCandidate) -> None:
    """No sample is in two splits, by its content.

    What was trained on measures nothing.
    """
    seen: dict[bytes, str] = {}
    for split, samples in _readable(dataset):
        own = {_digest(sample) for sample in zip(*samples.inputs.values(), strict=True)}
        for digest in own:
            if digest in seen:
                raise BrokenRuleError(f"a sample of split {seen[digest]} is also in split {split}")
        seen.update(dict.fromkeys(own, split))


def _digest(parts: tuple[NDArray[Any], ...]) -> bytes:
    return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).digest()


def keeps_its_order(dataset: DatasetCandidate) -> None:
    """The samples come in the same order every time, also in another process.

    A run names its data by their fingerprint, and a folder or a set that is walked in any order changes it.
    """
    next(_readable(dataset))
    name, options = f"{dataset.dataset.plugin}/{dataset.dataset.name}", dict(dataset.options)
    found = {
        in_child("zoo_core.checks.apart.dataset_child:fingerprint", name, options, environment={"PYTHONHASHSEED": seed})
        for seed in _HASH_SEEDS
    }
    if len(found) > 1:
        raise BrokenRuleError("two processes read different training samples, or in a different order")


def explains_missing_data(dataset: DatasetCandidate) -> None:
    """Without a network and without files, `load` raises a `ZooError` that says what is missing, and a hint what to do.

    Most machines that train have no free access to the network.
    """
    options = {name: value for name, value in dataset.options.items() if name != "root"}
    with temporary_folder("zoo-check-") as root:
        name = f"{dataset.dataset.plugin}/{dataset.dataset.name}"
        found = in_child("zoo_core.checks.apart.dataset_child:load_offline", name, options, root=str(root))
    if "loaded" in found:
        return
    if found["error"] == _error_here(dataset):
        raise NotApplicableError("it cannot be read where its data are, either")
    if not found["clear"]:
        raise BrokenRuleError(f"without data and network it raises {found['error']}, not a ZooError with a message")
    if "could not be loaded:" in found["error"]:
        wanted = "raise ZooError(what is missing, hint=what to do) in its place"
        raise BrokenRuleError(f"its own error is not explained: {found['error']}; {wanted}")
    if not found["hint"]:
        raise BrokenRuleError(f"its error gives no hint about what to do: {found['error']}")


def _splits(dataset: DatasetCandidate) -> Iterator[tuple[str, Samples]]:
    """Each split and its samples. Raises NotApplicableError when the data are not on this disk."""
    first = _first(dataset)
    yield "train", first
    bound = dataset.bound
    for split in bound.split_names:
        if split != "train":
            yield split, bound.load(split, download=dataset.download)


def _readable(dataset: DatasetCandidate) -> Iterator[tuple[str, Samples]]:
    """As `_splits`; data that cannot be read are for `gives_what_it_declares` to say, not for all rules."""
    try:
        yield from _splits(dataset)
    except ZooError as error:
        raise NotApplicableError(f"it cannot be read: {error.message}") from None


def _is_made_up(dataset: DatasetCandidate) -> bool:
    """Whether there are data without any file in their folder: the plugin's own, sound or not."""
    try:
        _first(dataset)
    except NotApplicableError:
        return False
    except ZooError:
        pass  # which is for `gives_what_it_declares` to say
    return not dataset.bound.root.exists()


def _error_here(dataset: DatasetCandidate) -> str | None:
    """Why the data cannot be read, where they are on this disk."""
    try:
        _first(dataset)
    except NotApplicableError:
        return None
    except ZooError as error:
        return error.message
    return None


def _first(dataset: DatasetCandidate) -> Samples:
    spec = dataset.dataset.spec
    try:
        bound = dataset.bound
    except ZooError as error:
        if dataset.options.get("root") is not None or not _needs_files(dataset):
            raise
        raise NotApplicableError(f"its data are not here (-d root=DIR): {error.message}") from None
    # Without a download nothing but the loader knows whether it needs files.
    if not (bound.root.exists() or dataset.download or not spec.download_bytes):
        raise NotApplicableError("its data are not on this disk: -d root=DIR, or --download")
    try:
        return bound.load("train", download=dataset.download)
    except ZooError as error:
        absent = bool(spec.download_bytes) or _misses_files(dataset, error)
        if dataset.options.get("root") is not None or not (absent or (spec.classes is None and _asks(error))):
            raise
        raise NotApplicableError(f"its data are not here (-d root=DIR): {error.message}") from None


def _asks(error: ZooError) -> bool:
    """Whether data are asked for: a bug of the loader, and what is wrong with its samples, is something else."""
    if isinstance(error, RootNeededError):
        return True
    return isinstance(error.__cause__, OSError) or (error.__cause__ is None and bool(plugin_line(error)))


def _misses_files(dataset: DatasetCandidate, error: ZooError) -> bool:
    """Whether the loader stumbles over files that are not in its folder, or says itself that they are missing.

    There is no such folder, or nothing in it; what is wrong with samples that it did give is no such error.
    """
    root = dataset.bound.root
    if root.is_dir() and any(root.iterdir()):
        return False
    missing = error.__cause__
    if isinstance(missing, FileNotFoundError | NotADirectoryError):
        return root in Path(str(missing.filename)).parents or Path(str(missing.filename)) == root
    return missing is None and bool(plugin_line(error))


def _needs_files(dataset: DatasetCandidate) -> bool:
    spec = dataset.dataset.spec
    return bool(spec.download_bytes) or spec.classes is None


RULES = (
    *rules("import", says_where_it_comes_from),
    *rules(
        "load",
        gives_what_it_declares,
        classes_have_samples,
        splits_are_disjoint,
        keeps_its_order,
        explains_missing_data,
    ),
)
