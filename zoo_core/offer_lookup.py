"""Tasks and recipes by name: the bundled ones without a look at any other plugin, others through the catalogue."""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING, Any, Literal

from .discovery.entry_points import bundled_offers
from .discovery.mending import check_extra_of, check_none_broken, check_offered, told_of_unusable
from .errors import UsageError, did_you_mean
from .unwatched import before_plugin_code

if TYPE_CHECKING:
    from .registry import Entry, Kind, Zoo

Looked = Literal["task", "recipe"]


def find_offer(kind: Looked, name: str, *, plugin: str, without: str) -> tuple[Any, str]:
    """The spec of that name, and the plugin that offers it, `dist:entry`; empty for a bundled one.

    `plugin` is asked for one that is not bundled, else whoever offers it. `without`: what works all the same where that
    plugin is not installed. Raises UsageError for a name that nobody offers, ZooError where its plugin is not installed
    or cannot be loaded.
    """
    if (bundled := bundled_offer(kind, name)) is not None:
        return bundled, ""
    before_plugin_code()
    from .registry import open_zoo

    zoo = open_zoo()
    if plugin:
        check_offered(zoo.plugins, kind, name, plugin=plugin, without=without)
    try:
        entry = zoo.find(kind, f"{plugin}/{name}" if plugin else name)
    except UsageError:
        if any(name in {entry.name, entry.shown} for entry in zoo.entries(kind)):
            raise
        check_none_broken(zoo.plugins, kind, name)
        known = [*bundled_offers(kind), *(entry.shown for entry in zoo.entries(kind))]
        hints = [told_of_unusable(zoo.plugins, name), did_you_mean(name, known)]
        hint = " ".join(filter(None, hints)) or f"see zoo list {kind}s"
        raise UsageError(f"unknown {kind} {name!r}: no plugin that is installed offers it", hint=hint) from None
    return zoo.offer(kind, entry.qualified), entry.plugin


def recorded_entry(zoo: Zoo, kind: Kind, name: str, *, plugin: str) -> Entry:
    """What a run or a file says that it is made of: the entry of that name, or old name, of that plugin, by its id.

    Nobody has typed it: raises ZooError, and no UsageError, where the plugin is not installed, cannot be loaded, or
    does not offer it any more.
    """
    for entry in zoo.entries(kind):
        if entry.plugin == plugin and name in {entry.name, *entry.data.get("aliases", ())}:
            return entry
    check_extra_of(zoo.plugins, f"{plugin}/{name}")
    check_offered(zoo.plugins, kind, name, plugin=plugin)
    return zoo.find(kind, f"{plugin}/{name}")


@functools.cache
def bundled_offer(kind: Looked, name: str) -> Any:
    """The zoo's own task or recipe of that name; None where it has none."""
    value = bundled_offers(kind).get(name)
    if value is None:
        return None
    # The hook itself: pluggy would ask nobody else.
    offered = getattr(importlib.import_module(value), f"zoo_{kind}s")()
    return {spec.name: spec for spec in offered}[name]


def offering_plugin(kind: Looked, name: str) -> str:
    """The plugin that an exported file needs for it, `dist:entry`; empty for a bundled one."""
    if bundled_offer(kind, name) is not None:
        return ""
    from .registry import open_zoo

    return open_zoo().find(kind, name).plugin
