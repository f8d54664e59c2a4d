"""Losses, augmentations and devices as they are typed: read and refused without torch, before any data are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

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


def choose_class_weights(text: str) -> Literal["none", "balanced"] | tuple[float, ...]:
    """What `-t class_weights=` asks for: none, balanced, or numbers with commas between them.

    Raises UsageError for anything else, and for numbers that are not above 0.
    """
    if text == "none":
        return "none"
    if text == "balanced":
        return "balanced"
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or not all(0 < number < math.inf for number in numbers):
        raise UsageError(
            f"class_weights cannot be {text!r}", hint="none, balanced, or a number above 0 for each class: 1,5"
        )
    return numbers
