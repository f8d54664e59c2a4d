"""A process of its own in which a dataset is loaded: with another order of hashes, or without a network."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from zoo_core.data import bind_dataset
from zoo_core.errors import ZooError
from zoo_core.registry import open_zoo

from .own_process import NETWORK


def fingerprint(name: str, options: Mapping[str, Any]) -> str:
    """What the training samples are, in their order."""
    return bind_dataset(open_zoo().dataset(name), options).load("train").fingerprint


def load_offline(name: str, options: Mapping[str, Any], *, root: str) -> dict[str, Any]:
    """What comes of asking for the data in an empty folder, where no network can be reached.

    `{loaded}`, or `{error, hint, clear}` of what was raised; `clear`: it is an error of the zoo.
    """
    bound = bind_dataset(open_zoo().dataset(name), {**options, "root": root})

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event in NETWORK:
            raise OSError("there is no network")

    sys.addaudithook(refuse)
    try:
        return {"loaded": len(bound.load("train", download=True))}
    except ZooError as error:
        return {"error": error.message, "hint": error.hint, "clear": True}
    except Exception as error:  # noqa: BLE001 what a user would see as a traceback
        return {"error": f"{type(error).__name__}: {error}", "hint": None, "clear": False}
