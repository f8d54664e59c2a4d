"""Losses, augmentations and devices as they are typed: read and refused without torch, before any data are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from zoo_core.errors import UsageError
from zoo_core.specs import AUGMENTATIONS
from zoo_core.task_lookup import task_spec

AUTO = "auto"
"""The fastest device of this machine, in place of the name of one."""


def loss_in_words(task: str, own: Callable[..., Any] | None, *, name: str = "usual") -> str:
    """What training minimises: the loss of that name, else the model's own, else that of the task; empty for none."""
    if name != "usual":
        return name
    if own is None:
        return task_spec(task).loss
    called = getattr(own, "__name__", type(own).__name__).replace("<lambda>", "")
    what = (getattr(own, "__doc__", None) or "").strip().partition("\n")[0]
    words = ": ".join(filter(None, (called, what)))
    return f"the model's own, {words}" if words else "the model's own"


def choose_augmentations(text: str, usual: Sequence[str]) -> tuple[str, ...]:
    """What `-t augment=` asks for: "usual" (that of the dataset), "none", or names with commas between them.

    A name with a minus is taken away from those before it: "usual,-crop". Raises UsageError for an unknown name, and
    for a minus with nothing before it.
    """
    chosen: set[str] = set()
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if parts and parts[0].startswith("-"):  # none at all, where most but one were meant
        raise UsageError(f"there is nothing that {parts[0]} could be taken from", hint=f"augment=usual,{parts[0]}")
    for part in parts:
        name = part.removeprefix("-")
        if name not in ("usual", "none", *AUGMENTATIONS):
            known = ", ".join(("usual", "none", *AUGMENTATIONS))
            hint = f"known: {known}; several: flip,crop; usual,-crop"
            raise UsageError(f"there is no augmentation {name}", hint=hint)
        named = {"usual": set(usual), "none": set()}.get(name, {name})
        chosen = chosen - named if part.startswith("-") else chosen | named
    return tuple(name for name in AUGMENTATIONS if name in chosen)
