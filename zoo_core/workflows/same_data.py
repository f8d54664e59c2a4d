"""Whether data are still those that something was trained on: what was recorded of them, beside what is read now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo_core.errors import ZooError
from zoo_core.options import write_list

if TYPE_CHECKING:
    from zoo_core.data import BoundDataset, Samples

_CHOOSING = ("classes", "train_size", "val_size", "val_fold", "test_size", "stratified")
"""Options of every dataset that choose samples."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What came of it: `same` is None where nothing was recorded; `remark` says what is not as it was."""

    same: bool | None
    remark: str = ""


def compare_part(
    bound: BoundDataset,
    samples: Samples,
    split: str,
    *,
    recorded: Mapping[str, str],
    shown: str,
    asked: bool,
    accept_changes: bool = False,
    download: bool = False,
) -> Comparison:
    """Hold the samples of a split against the recorded fingerprints of what `shown` was trained on.

    A part that is as it was has no sample of the training part, whatever became of the others. `asked`: data or their
    division were named for this very command, and what differs is only told. Raises ZooError where nobody asked for
    other data and training samples may be in the part, unless `accept_changes`.
    """
    if not recorded:
        return Comparison(same=None)
    if recorded.get(split) == samples.fingerprint:
        return Comparison(same=True)
    among = "" if split == "train" else f": samples of its training may be in the {split} part"
    other = Comparison(same=False, remark=f"These are not the data that {shown} was trained on{among}.")
    if asked and split in recorded:
        return other  # without a look at training data, which may be many
    train = samples.fingerprint if split == "train" else _fingerprint(bound, "train", download=download)
    if train is None and split not in recorded:
        return Comparison(same=None)
    if train == recorded["train"]:
        told = f"The {split} part has changed since {shown} was trained; the training part has not."
        return Comparison(same=False, remark=told) if split in recorded else Comparison(same=True)
    if asked:
        return other
    changed = f"data that {shown} was trained on have changed since{among}"
    if not accept_changes:
        hint = "bring them back as they were; --accept-changes goes on all the same, and says so"
        raise ZooError(f"the {changed}", hint=hint)
    return Comparison(same=False, remark=f"The {changed}.")


def _fingerprint(bound: BoundDataset, split: str, *, download: bool) -> str | None:
    """That of a split as it is now; None where it cannot be read, as where only test files were brought along."""
    try:
        return bound.load(split, download=download).fingerprint
    except ZooError:
        return None


def options_in_force(bound: BoundDataset, *, recorded: Mapping[str, Any], given: Mapping[str, Any], shown: str) -> str:
    """Which options of a training choose the samples of other data, too; empty where none does."""
    usual = {option.name: option.default for option in bound.spec.options}
    kept = [
        name
        for name in _CHOOSING
        if name not in given and name in recorded and _plain(recorded[name]) != _plain(usual[name])
    ]
    if not kept:
        return ""
    pairs = ", ".join(f"{name}={_plain(bound.options[name])}" for name in kept)
    undone = " ".join(f"-d {name}={_plain(usual[name])}" for name in kept)
    return f"{shown[0].upper()}{shown[1:]} was trained with {pairs}, which holds for these data too; without: {undone}"


def _plain(value: Any) -> str:
    return write_list(value) if isinstance(value, list | tuple) else str(value).lower()


def require_data(bound: BoundDataset, *, shown: str, again: str) -> None:
    """Raises ZooError where the data that `shown` was trained on are not where they were, or where it does not say
    where that is, as an exported file does not; `again` names others."""
    told = ""
    if bound.lacks_root:
        told = f"the data of {shown} are files of somebody's own, and it does not say where they lie"
    elif bound.options["root"] is not None and not bound.root.exists():
        told = f"the data of {shown} are no longer in {bound.root}"
    if told:
        raise ZooError(told, hint=f"say where they lie now: {again}")
