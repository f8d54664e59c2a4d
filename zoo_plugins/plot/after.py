"""What comes after a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo_core.commands import data_words, typed, use_of_run, verify_of

if TYPE_CHECKING:
    from zoo_core import Zoo
    from zoo_core.commands import Located


def next_after(sources: tuple[str, ...], place: Located, zoo: Zoo, data: Mapping[str, Any]) -> str:
    """The command for a run, an export, a dataset, or several runs."""
    if len(sources) > 1:
        return typed("list", "runs", "--sort", "best")
    if place.kind == "run":
        return use_of_run(sources[0], zoo)
    if place.kind == "export":
        return verify_of(place)
    return typed("train", "MODEL", "--dataset", place.name, *data_words(data))
