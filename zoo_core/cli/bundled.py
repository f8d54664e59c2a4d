"""The zoo's own verbs that are plugins: found by their entry points, with or without a catalogue."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterable, Mapping

import click


@functools.cache
def bundled_verbs() -> Mapping[str, click.Command]:
    """Every verb by name, as its plugin offers it: what runs it is not loaded."""
    from zoo_core.discovery.entry_points import bundled_commands

    found = (command for value in bundled_commands().values() for command in _offered(value))
    return dict(sorted((str(command.name), command) for command in found))


def bundled_verb(name: str) -> click.Command | None:
    """The verb of that name; no other plugin is looked at."""
    from zoo_core.discovery.entry_points import bundled_commands

    value = bundled_commands().get(name)
    if value is None:
        return None
    return next((command for command in _offered(value) if command.name == name), None)


def whole(command: click.Command) -> click.Command:
    """The command with its options and body, loaded if it has to be."""
    from zoo_core.commands.deferred import LazyCommand

    return command.load() if isinstance(command, LazyCommand) else command


def _offered(value: str) -> Iterable[click.Command]:
    # The hook itself: pluggy would ask nobody else.
    offered: Iterable[click.Command] = importlib.import_module(value).zoo_commands()
    return offered
