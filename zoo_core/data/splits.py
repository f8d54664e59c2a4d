"""What a dataset's loader returns: arrays in memory, or files; class numbers, or masks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.records import counted
from zoo_core.shapes import TensorSpec
from zoo_core.specs import IGNORED, DatasetSpec

from .boxes import BoxTargets
from .target_files import MaskFiles, PictureFiles, TargetFiles
from .targets import TargetKind, targets_of


@dataclass(frozen=True, kw_only=True)
class ArraySplit:
    """Samples in memory.

    `inputs`: an array, or several by the names that the dataset declares. Those with preprocessing are uint8 pictures,
    (N, H, W) grey or (N, H, W, C) grey or RGB. Those with a recipe are a list of what the recipe reads: paths, texts,
    rows of a table, or arrays, whose lengths may differ; inputs of one source are given once, by its name. All others
    have the dtype and layout that are declared. `targets`, as the task has them: class numbers (N,); masks as large as
    the pictures (N, H, W) or as the sequences (N, L), the class number of each place, or IGNORED; flags (N, K) for each
    class; numbers (N,) or (N, K); what outputs shall look like, uint8 (N, H, W[, C]) with 255 for 1, or floats
    (N, C, H, W), as large as the inputs or a whole number of times as large; BoxTargets, in pixels of the pictures
    given. `classes`: names, where only the data know them; of flags those of the columns, of numbers what they are
    called. `names`: where each sample comes from, for people, such as "wines.csv[3]"; of a list of paths these are.
    `remarks`: what is worth a line before anything is trained on them, in sentences.
    """

    inputs: NDArray[Any] | Sequence[Any] | Mapping[str, NDArray[Any] | Sequence[Any]]
    targets: NDArray[Any] | BoxTargets
    classes: tuple[str, ...] | None = None
    names: Sequence[str] | None = None
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())) if isinstance(self.inputs, Mapping) else self.inputs)


@dataclass(frozen=True, kw_only=True)
class FileSplit:
    """Samples as files, in the order that counts: pictures, or what the recipes of the dataset read.

    `targets`: class numbers (N,), flags, numbers or BoxTargets; where each place has its own, MaskFiles or
    PictureFiles. `classes` and `remarks` as in ArraySplit. `misnamed`: a file's name may not say its format, and it may
    be a GIF, whose first frame counts.
    """

    paths: tuple[Path, ...]
    targets: NDArray[Any] | TargetFiles | BoxTargets
    classes: tuple[str, ...] | None = None
    misnamed: bool = False
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.paths)


@dataclass(frozen=True, kw_only=True)
class StreamSplit:
    """Samples that are read one by one, by their number, from anything: an archive, a database, a service.

    `reader(**arguments)` is called once in each process that reads, and gives a function of the number of a sample,
    which gives the sample: for pictures the content of a file, its path, or pixels, uint8 (H, W[, C]); what a recipe
    reads; else an array in the dtype that is declared; of several sources a mapping by their names. The same number
    gives the same sample, each time and in each process. A `reader` that is a function of a module, with `arguments`
    that are plain JSON, is found by other processes; any other is called in this one, by threads. `numbers`: which
    samples of the stream these are, (N,), all of them from 0 on unless given; `targets` (N, ...), `classes` and
    `remarks` as in ArraySplit, but for targets that belong to each place of a picture.
    """

    reader: Callable[..., Callable[[int], Any]]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    targets: NDArray[Any] | BoxTargets
    numbers: NDArray[np.int64] | None = None
    classes: tuple[str, ...] | None = None
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.targets if self.numbers is None else self.numbers)

    @property
    def chosen(self) -> NDArray[np.int64]:
        """The number of each sample in the stream."""
        return np.arange(len(self)) if self.numbers is None else np.asarray(self.numbers, np.int64)


Split = ArraySplit | FileSplit | StreamSplit


def checked_split(split: object, spec: DatasetSpec, *, where: str) -> tuple[Split, tuple[str, ...]]:
    """A loader's answer with inputs by name and targets in their final type, and its class names.

    Raises ZooError when the answer breaks the contract.
    """
    if not isinstance(split, ArraySplit | FileSplit | StreamSplit):
        given = type(split).__name__
        raise ZooError(f"{where}: the loader returned {given}, not an ArraySplit or a FileSplit or a StreamSplit")
    if isinstance(split, FileSplit) and (odd := [path for path in split.paths if not isinstance(path, Path)]):
        raise ZooError(f"{where}: a path is a pathlib.Path, not a {type(odd[0]).__name__}: {str(odd[0])[:60]!r}")
    if isinstance(split, ArraySplit):
        split = dataclasses.replace(split, inputs=_named_inputs(split.inputs, spec, where=where))
    if isinstance(split, StreamSplit) and split.numbers is not None:
        split = dataclasses.replace(split, numbers=_numbers_of_samples(split.numbers, where=where))
    kind = targets_of(spec.task)
    classes = split.classes if split.classes is not None else spec.classes
    if classes is None and kind.needs_names:
        raise ZooError(f"{where}: neither the dataset nor the loaded data name the classes")
    classes = classes or ()
    _check_names(classes, where=where)
    targets: Any
    if isinstance(split.targets, TargetFiles):
        targets = _target_files(split, split.targets, kind, len(classes), where=where)
    elif isinstance(split, FileSplit) and kind.files is not None:
        found = np.asarray(split.targets)
        raise ZooError(
            f"{where}: the {kind.called} of picture files are {kind.files.__name__}, "
            f"not {found.dtype} of shape {found.shape}"
        )
    else:
        targets = kind.checked(split, len(classes), where=where)
    if len(split) == 0:
        raise ZooError(f"{where} has no samples")
    if isinstance(split, ArraySplit) and split.names is not None and len(split.names) != len(split):
        raise ZooError(f"{where}: {counted(len(split), 'sample')}, but {counted(len(split.names), 'name')} of them")
    return dataclasses.replace(split, targets=targets), tuple(classes)


def _named_inputs(given: Any, spec: DatasetSpec, *, where: str) -> dict[str, NDArray[Any]]:
    """Arrays by the names that are declared, in their order, all of one length."""
    if not isinstance(given, Mapping):
        given = {spec.sources[0]: given} if len(spec.sources) == 1 else {"": given}
    if set(given) != set(spec.sources):
        named = ", ".join(map(repr, filter(None, given))) or "an array without a name"
        raise ZooError(
            f"{where}: the loader gives {named}, and the dataset declares {', '.join(map(repr, spec.sources))}",
            hint="inputs={name: array, ...}, with the names of DatasetSpec.inputs, or of the sources of their recipes",
        )
    given = {name: _as_objects(values, name, spec) for name, values in given.items()}
    for name, array in given.items():
        if not isinstance(array, np.ndarray) or array.ndim == 0:
            raise ZooError(f"{where}: input {name!r} is a numpy array (samples, ...), not {type(array).__name__}")
    if len({len(array) for array in given.values()}) > 1:
        counts = ", ".join(f"{len(array)} of {name!r}" for name, array in given.items())
        raise ZooError(f"{where}: inputs differ in the number of samples: {counts}")
    return {name: given[name] for name in spec.sources}


def _numbers_of_samples(given: Any, *, where: str) -> NDArray[np.int64]:
    """Which samples of a stream are meant, (N,)."""
    numbers = np.asarray(given)
    if not (np.issubdtype(numbers.dtype, np.integer) or numbers.size == 0) or numbers.ndim != 1:
        raise ZooError(
            f"{where}: the numbers of samples in their stream are whole ones, of shape (N,), "
            f"not {numbers.dtype} of shape {numbers.shape}"
        )
    return numbers.astype(np.int64)


def _as_objects(values: Any, name: str, spec: DatasetSpec) -> Any:
    """A list of what a recipe reads as an array of objects, which is chosen from as arrays of numbers are."""
    read = any(spec.source_of(each) == name for each in spec.recipes)
    if not read or not isinstance(values, list | tuple):
        return values
    objects = np.empty(len(values), object)
    for place, value in enumerate(values):
        objects[place] = value
    return objects


def _check_names(classes: tuple[str, ...], *, where: str) -> None:
    if len(set(classes)) != len(classes):
        raise ZooError(f"{where}: a class name appears twice: {', '.join(classes)}")
    for name in classes:
        if not isinstance(name, str) or any("\ud800" <= character <= "\udfff" for character in name):
            hint = "names of folders that are no UTF-8 have to be renamed"
            raise ZooError(f"{where}: the class name {name!r} is no text that can be written", hint=hint)


def _target_files(split: Split, files: TargetFiles, kind: TargetKind, classes: int, *, where: str) -> TargetFiles:
    if kind.files is None:
        raise ZooError(f"{where}: masks are for tasks with a class for each place")
    if not isinstance(files, kind.files):
        raise ZooError(f"{where}: the {kind.called} are {kind.files.__name__}, not {type(files).__name__}")
    if isinstance(split, ArraySplit):
        raise ZooError(f"{where}: the {kind.called} of arrays are an array, not {kind.files.__name__}")
    if len(files) != len(split):
        raise ZooError(f"{where}: {len(split)} pictures, but {len(files)} {kind.called}")
    if isinstance(files, PictureFiles):
        return dataclasses.replace(files, paths=tuple(files.paths))
    for value, number in files.numbers.items():
        if not 0 <= value <= 255 or not (0 <= number < classes or number == IGNORED):
            raise ZooError(
                f"{where}: masks cannot have the value {value} for class {number}: "
                f"values are 0 to 255, and there are {classes} classes"
            )
    return MaskFiles(paths=tuple(files.paths), numbers=dict(files.numbers))


def numbers_to_choose_by(split: Split) -> NDArray[np.int64]:
    """The class number of each sample, to choose samples by; where a sample has none, all count alike."""
    targets = split.targets
    if not isinstance(targets, np.ndarray) or targets.ndim != 1 or targets.dtype != np.int64:
        return np.zeros(len(split), np.int64)
    return targets


def take(split: Split, index: NDArray[np.int64]) -> Split:
    """The samples at `index`, in that order."""
    targets: Any
    if isinstance(split.targets, TargetFiles):
        targets = dataclasses.replace(split.targets, paths=tuple(split.targets.paths[i] for i in index))
    else:
        targets = split.targets[index]
    if isinstance(split, ArraySplit):
        inputs = {name: array[index] for name, array in arrays_of(split).items()}
        names = split.names and [split.names[i] for i in index]
        return dataclasses.replace(split, inputs=inputs, targets=targets, names=names)
    if isinstance(split, StreamSplit):
        return dataclasses.replace(split, numbers=split.chosen[index], targets=targets)
    return dataclasses.replace(split, paths=tuple(split.paths[i] for i in index), targets=targets)


def names_of(split: ArraySplit) -> tuple[str, ...]:
    """Where each sample of a checked split comes from: what the loader says, or the paths that it gives; else none."""
    if split.names is not None:
        return tuple(split.names)
    for values in arrays_of(split).values():
        if values.dtype == object and all(isinstance(value, Path) for value in values):
            return tuple(map(str, values))
    return ()


def arrays_of(split: ArraySplit) -> Mapping[str, NDArray[Any]]:
    """The inputs of a checked split, by name."""
    found = split.inputs
    if not isinstance(found, Mapping):
        raise TypeError("checked_split names the inputs")
    return {name: np.asarray(values) for name, values in found.items()}


def sizes_in(split: Split, unknown: Mapping[str, TensorSpec]) -> dict[str, TensorSpec]:
    """The tensors, with the sizes that the arrays of a split have beside the batch; nothing of files."""
    if not isinstance(split, ArraySplit):
        return {}
    arrays = arrays_of(split)
    return {name: spec.with_axes(spec.axes[0], *arrays[name].shape[1:]) for name, spec in unknown.items()}
