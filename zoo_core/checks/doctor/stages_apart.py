"""The stages of a model as they are looked at in a process of its own, which its code may end or crash."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from zoo_core.checks.apart.own_process import how_it_ended, raised
from zoo_core.children.parent import Child
from zoo_core.discovery import Plugin
from zoo_core.discovery.mending import is_named, is_unusable
from zoo_core.plugin_faults import crash_line
from zoo_core.registry import Zoo

from .doctor import STAGES
from .machine import Row

_CALL = "zoo_core.checks.doctor.doctor_child:main"


@contextlib.contextmanager
def looked_at(zoo: Zoo, name: str, options: Mapping[str, str]) -> Iterator[Iterator[Row]]:
    """A row for each stage of the model of that name, or of a plugin that cannot be loaded.

    Raises UsageError for a name that is no model's and for options that are mistyped, before any row.
    """
    plain = name.removeprefix("model:")
    known = any(plain in {entry.shown, entry.qualified} for entry in zoo.entries("model"))
    broken = [plugin for plugin in zoo.plugins if is_unusable(plugin) and is_named(plugin, plain)]
    if broken and not known:
        yield _not_imported(broken[0])
        return
    task = {"name": name, "options": dict(options)}
    with Child(_CALL, task, shown=True, clears_up=True) as child:
        if (first := _message(child)) is None:
            yield _from(0, f"its process {how_it_ended(child)} before its rules are known")
        else:
            _check(first)
            yield _rows(child)


def _not_imported(plugin: Plugin) -> Iterator[Row]:
    return _from(0, f"plugin {plugin.id} cannot be loaded: {plugin.problem}", hint=plugin.hint or "")


def _rows(child: Child) -> Iterator[Row]:
    for place in range(len(STAGES)):
        message = _message(child)
        if message is None:
            line = crash_line(child.report)
            why = f"its process {how_it_ended(child)} before the stage was through{f', at {line}' if line else ''}"
            asked = "" if line or (child.exit_code() or 0) < 0 else ": does it call os._exit?"
            yield from _from(
                place, why + asked, hint="zoo check MODEL looks at each rule in turn, and goes on after it"
            )
            return
        _check(message)
        yield Row(**message["row"])


def _from(place: int, why: str, *, hint: str = "") -> Iterator[Row]:
    """That stage as the one that fails, and those after it."""
    yield Row(stage=STAGES[place], outcome="failed", detail=why, hint=hint)
    yield from (Row(stage=stage, outcome="skipped", detail="not reached") for stage in STAGES[place + 1 :])


def _message(child: Child) -> dict[str, Any] | None:
    return child.message(threading.TIMEOUT_MAX)


def _check(message: Mapping[str, Any]) -> None:
    if "error" in message:
        raise raised(**message["error"])
    if "bug" in message:
        raise RuntimeError(message["bug"])
