"""What is said of a training whose measures are no numbers any more. No torch here."""

from __future__ import annotations

from pathlib import Path

from zoo_core.errors import ZooError
from zoo_core.foreign_text import shell_word
from zoo_core.records import EpochRow, without_number


class DivergedError(ZooError):
    """A training that cannot go on: what it measures is NaN or infinite."""


def diverged(what: str, *, where: str, fresh: bool = False, batch: str = "") -> DivergedError:
    """The error for training that has run away. `fresh`: no epoch was good before, and it may be no matter of steps;
    `batch`: which samples it happened with, in words."""
    alone = "; where it does not, zoo check MODEL --rule stays-finite looks whether the model gives numbers at all"
    samples = f"; its batch: {batch}" if batch else ""
    return DivergedError(
        f"training diverged in {where}: {what}",
        hint=f"a lower learning rate usually helps (-t lr=...){alone if fresh else ''}{samples}; {_KEPT}",
    )


_KEPT = "what earlier epochs saved is kept"


def check_row(row: EpochRow, *, selection: str, task: str) -> None:
    """Raise DivergedError where a loss, or what picks the best epoch, is no number. Any other metric may be undefined
    for an epoch. Raises ValueError for a row that a trainer should not have told."""
    picks = selection.removeprefix("-")
    if not isinstance(row, EpochRow):
        raise ValueError(f"on_epoch is told an EpochRow, not a {type(row).__name__}")
    if picks not in row.validation:
        raise ValueError(f"the row of epoch {row.epoch} has no {picks!r} of the validation part, which picks the best")
    for part, metrics, names in (("training", row.train, ("loss",)), ("validation", row.validation, ("loss", picks))):
        measured = {name: metrics[name] for name in names if name in metrics}
        if not (words := without_number(measured)):
            continue
        if without_number({"loss": measured.get("loss", 0.0)}):
            raise diverged(f"{words} on the {part} part", where=f"epoch {row.epoch}")
        raise DivergedError(
            f"{words} on the {part} part after epoch {row.epoch}, and the best epoch is picked by it",
            hint=f"the loss is a number: that part may hold nothing that {picks!r} counts, or the task {task} "
            f"computes it wrongly; {_KEPT}",
        )


def with_what_is_kept(error: DivergedError, run: Path, *, best: int | None) -> DivergedError:
    """The same error, which says where the weights of the `best` epoch before it are; None: no epoch was finished."""
    kept = "no epoch was good before that, so no run is left"
    if best is not None:
        kept = f"{run} keeps the weights of epoch {best}, the best before that: zoo export {shell_word(run.name)}"
    hint = (error.hint or "").removesuffix(f"; {_KEPT}")
    return DivergedError(error.message, hint=f"{hint}; {kept}")
