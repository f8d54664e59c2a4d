"""The forms of the truth: how each is checked, hashed, and chosen by."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.records import counted
from zoo_core.specs import IGNORED
from zoo_core.task_lookup import task_spec

from .boxes import BoxTargets
from .hashing import hash_array
from .target_files import MaskFiles, PictureFiles, TargetFiles

if TYPE_CHECKING:
    from .splits import Split

Array = NDArray[Any]


def _needing(split: Split) -> str:
    """`3 samples need`."""
    return f"{counted(len(split), 'sample')} need{'s' if len(split) == 1 else ''}"


class TargetKind(Protocol):
    """One form of targets. `unchosen`: why samples cannot be chosen by class, empty where they can. `needs_names`:
    whether the classes must have names. `has_places`: each place of a sample has its own, so that targets are resized,
    cut and turned with their pictures. `counts_numbers`: a sample has numbers, and no class. `called`: what messages
    call them; `files`: their class where they are files of their own."""

    unchosen: ClassVar[str]
    needs_names: ClassVar[bool]
    has_places: ClassVar[bool]
    counts_numbers: ClassVar[bool]
    called: ClassVar[str]
    files: ClassVar[type[TargetFiles] | None]

    def checked(self, split: Split, classes: int, *, where: str) -> Any:
        """Targets in memory in their final type. Raises ZooError when they break the contract."""

    def add_to(self, digest: hashlib._Hash, targets: Any) -> None:
        """Their part of the fingerprint."""


class ClassNumbers:
    """The number of each sample's class: int64 (N,)."""

    unchosen: ClassVar[str] = ""
    needs_names: ClassVar[bool] = True
    has_places: ClassVar[bool] = False
    counts_numbers: ClassVar[bool] = False
    called: ClassVar[str] = "class numbers"
    files: ClassVar[type[TargetFiles] | None] = None

    def checked(self, split: Split, classes: int, *, where: str) -> NDArray[np.int64]:
        targets = np.asarray(split.targets)
        if not np.issubdtype(targets.dtype, np.integer) or targets.ndim != 1 or len(targets) != len(split):
            raise ZooError(
                f"{where}: {_needing(split)} as many whole numbers as targets, "
                f"not {targets.dtype} of shape {targets.shape}"
            )
        if len(targets) and (targets.min() < 0 or targets.max() >= classes):
            raise ZooError(
                f"{where}: targets from {targets.min()} to {targets.max()}, but {classes} classes",
                hint="its files are damaged, or those of another dataset",
            )
        return targets.astype(np.int64)

    def add_to(self, digest: hashlib._Hash, targets: Array) -> None:
        digest.update(targets.astype("<i8").tobytes())


class Masks:
    """The class of each place: uint8 (N, H, W) or (N, L); IGNORED where it is not counted."""

    unchosen: ClassVar[str] = "a sample is a mask, whose places belong to several classes"
    needs_names: ClassVar[bool] = True
    has_places: ClassVar[bool] = True
    counts_numbers: ClassVar[bool] = False
    called: ClassVar[str] = "masks"
    files: ClassVar[type[TargetFiles] | None] = MaskFiles

    def checked(self, split: Split, classes: int, *, where: str) -> NDArray[np.uint8]:
        masks = np.asarray(split.targets)
        if not np.issubdtype(masks.dtype, np.integer) or masks.ndim not in {2, 3} or len(masks) != len(split):
            raise ZooError(
                f"{where}: {_needing(split)} as many masks (N, H, W) or (N, L) of whole numbers, "
                f"not {masks.dtype} of shape {masks.shape}"
            )
        for index, mask in enumerate(masks):
            wrong = mask[(mask < 0) | (mask >= classes) & (mask != IGNORED)]
            if wrong.size:
                raise ZooError(
                    f"{where}: mask {index} has the value {wrong[0]}, but there are {classes} classes "
                    f"(and {IGNORED} for what is not counted)"
                )
        return masks.astype(np.uint8, copy=False)

    def add_to(self, digest: hashlib._Hash, targets: Array) -> None:
        hash_array(targets, digest)


class Flags:
    """For each class whether a sample belongs to it: uint8 (N, K), 0 or 1."""

    unchosen: ClassVar[str] = "a sample may belong to several classes, or to none"
    needs_names: ClassVar[bool] = True
    has_places: ClassVar[bool] = False
    counts_numbers: ClassVar[bool] = False
    called: ClassVar[str] = "flags"
    files: ClassVar[type[TargetFiles] | None] = None

    def checked(self, split: Split, classes: int, *, where: str) -> NDArray[np.uint8]:
        flags = np.asarray(split.targets)
        if flags.shape != (len(split), classes):
            raise ZooError(
                f"{where}: {len(split)} samples of {classes} classes need flags of shape ({len(split)}, {classes}), "
                f"not {flags.dtype} of shape {flags.shape}"
            )
        wrong = flags[(flags != 0) & (flags != 1)]
        if wrong.size:
            raise ZooError(f"{where}: a flag is 0 or 1, not {wrong[0]}")
        return flags.astype(np.uint8)

    def add_to(self, digest: hashlib._Hash, targets: Array) -> None:
        hash_array(targets, digest)


class Numbers:
    """K numbers for each sample: float32 (N, K), given so or as (N,)."""

    unchosen: ClassVar[str] = "a sample has numbers, and no class"
    needs_names: ClassVar[bool] = False
    has_places: ClassVar[bool] = False
    counts_numbers: ClassVar[bool] = True
    called: ClassVar[str] = "numbers"
    files: ClassVar[type[TargetFiles] | None] = None

    def checked(self, split: Split, classes: int, *, where: str) -> NDArray[np.float32]:
        numbers = np.asarray(split.targets)
        if numbers.dtype.kind not in "fiu" or numbers.ndim not in {1, 2} or len(numbers) != len(split):
            raise ZooError(
                f"{where}: {_needing(split)} as many numbers, of shape (N,) or (N, K), "
                f"not {numbers.dtype} of shape {numbers.shape}"
            )
        made = numbers.reshape(len(numbers), -1).astype(np.float32)
        if (row := _first_not_finite(made)) is not None:
            raise ZooError(f"{where}: the target of sample {row} is not a finite number")
        if classes and made.shape[1] != classes:
            raise ZooError(f"{where}: {made.shape[1]} numbers a sample, but {classes} names for them")
        return made

    def add_to(self, digest: hashlib._Hash, targets: Array) -> None:
        hash_array(targets, digest)


class Pictures:
    """What the output shall look like: uint8 (N, C, H, W), 255 for 1, or float32 as it is."""

    unchosen: ClassVar[str] = "a sample is a picture, and has no class"
    needs_names: ClassVar[bool] = False
    has_places: ClassVar[bool] = True
    counts_numbers: ClassVar[bool] = False
    called: ClassVar[str] = "true pictures"
    files: ClassVar[type[TargetFiles] | None] = PictureFiles

    def checked(self, split: Split, classes: int, *, where: str) -> Array:
        pictures = np.asarray(split.targets)
        stored = pictures.dtype == np.uint8
        grey = stored and pictures.ndim == 3
        if not (grey or pictures.ndim == 4) or pictures.dtype.kind not in "fu" or len(pictures) != len(split):
            raise ZooError(
                f"{where}: {_needing(split)} as many true pictures, uint8 (N, H, W[, C]) or floats "
                f"(N, C, H, W), not {pictures.dtype} of shape {pictures.shape}"
            )
        if stored:
            return np.ascontiguousarray(pictures[:, np.newaxis] if grey else pictures.transpose(0, 3, 1, 2))
        made = pictures.astype(np.float32)
        if (row := _first_not_finite(made)) is not None:
            raise ZooError(f"{where}: the true picture of sample {row} has values that are not finite")
        return made

    def add_to(self, digest: hashlib._Hash, targets: Array) -> None:
        hash_array(targets, digest)


class Boxes:
    """Boxes and their classes, for each sample its own number of them: BoxTargets."""

    unchosen: ClassVar[str] = "a sample may have boxes of several classes, or none"
    needs_names: ClassVar[bool] = True
    has_places: ClassVar[bool] = False
    counts_numbers: ClassVar[bool] = False
    called: ClassVar[str] = "boxes"
    files: ClassVar[type[TargetFiles] | None] = None

    def checked(self, split: Split, classes: int, *, where: str) -> BoxTargets:
        targets = split.targets
        if not isinstance(targets, BoxTargets) or len(targets) != len(split):
            found = f"of {len(targets)}" if isinstance(targets, BoxTargets) else type(targets).__name__
            raise ZooError(f"{where}: {_needing(split)} BoxTargets of as many, not {found}")
        numbers, corners = targets.classes, targets.boxes
        if numbers.dtype.kind not in "iu" or (len(numbers) and (numbers.min() < 0 or numbers.max() >= classes)):
            raise ZooError(f"{where}: the classes of boxes are whole numbers from 0 to {classes - 1}")
        good = np.isfinite(corners).all(axis=1) & (corners[:, 2:] > corners[:, :2]).all(axis=1)
        if not good.all():
            row = int(np.flatnonzero(~good)[0])
            raise ZooError(
                f"{where}: sample {targets.picture[row]} has the box {corners[row].tolist()}",
                hint="boxes are x1, y1, x2, y2 in pixels, with x1 < x2 and y1 < y2",
            )
        return targets

    def add_to(self, digest: hashlib._Hash, targets: BoxTargets) -> None:
        targets.add_to(digest)


def _first_not_finite(values: Array) -> int | None:
    """The first sample, along the first axis, of which a value is not finite."""
    finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
    return None if finite.all() else int(finite.argmin())


_KINDS: dict[str, TargetKind] = {
    "classes": ClassNumbers(),
    "masks": Masks(),
    "flags": Flags(),
    "numbers": Numbers(),
    "pictures": Pictures(),
    "boxes": Boxes(),
}


def targets_of(task: str) -> TargetKind:
    """What the targets of a task look like. Raises ZooError for a task whose targets no dataset can have yet."""
    form = task_spec(task).targets
    if form not in _KINDS:
        raise ZooError(f"datasets for {task} cannot be read yet", hint="zoo list tasks")
    return _KINDS[form]
