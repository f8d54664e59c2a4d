"""What to do about a plugin that cannot be used: bring an extra, or edit a line where its source can be edited."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core.errors import MissingExtraError, UsageError, ZooError, did_you_mean
from zoo_core.files import read_plain
from zoo_core.foreign_text import shell_word
from zoo_core.installation import editable_folder, extra_with, install_command

from .entry_points import ENTRY_POINT_GROUP
from .fault import WRONG_ENTRY_POINT

if TYPE_CHECKING:
    from .plugins import Plugin

_MOST_NAMED = 3
_MOST_BYTES = 1 << 20
_PLACE = re.compile(r"([\w./-]+\.pyi?):(\d+)")
"""As `place_of` writes it: the path of a file from its package on, and a line."""


def mended(record: Mapping[str, Any], *, distribution: str, entry: str) -> dict[str, Any]:
    """What a record of a plugin is to say in other words, because of how its distribution was installed; `entry`: the
    name of its entry point.

    `extra`, `problem` and `hint` where it only lacks an extra; `hint` where its own project's folder is installed.
    """
    missing = record.get("missing")
    if missing and (extra := extra_with(missing, distribution=distribution)):
        return {
            "extra": extra,
            "problem": f"it needs the package {missing!r}, which the extra {extra!r} brings",
            "hint": install_command(extra, distribution=distribution),
        }
    folder = editable_folder(distribution) if record["status"] == "broken" else None
    if folder is None:
        return {}
    hint: str | None = record["hint"]
    if place := _editable_place(record["problem"], record["files"], folder):
        return {"hint": f"edit {place}; {hint}" if hint else f"edit {place}"}
    project = _entry_point_line(folder, entry)
    if hint == WRONG_ENTRY_POINT:
        return {"hint": f"edit {project}, then pip install -e {shell_word(str(folder))}: pip reads it only then"}
    return {"hint": hint or f"edit {project}, or what it names"}


def told_of_path(kind: str, name: str) -> str:
    """What to do where somebody's own files are named in place of a dataset that reads them; empty where they are
    not."""
    if kind != "dataset" or not os.path.exists(name):
        return ""
    kind_of_path = "folder" if os.path.isdir(name) else "file"
    return (
        f"{name} is a {kind_of_path}: --dataset D -d root={shell_word(name)}, with a dataset D that reads your own "
        "files, see zoo list datasets --search your"
    )


def check_extra_of(plugins: Iterable[Plugin], name: str) -> None:
    """Raises MissingExtraError if a plugin that only lacks an extra may offer a name: `ENTRY/...`, or its id."""
    for plugin in plugins:
        owners = (plugin.entry, plugin.id)
        if plugin.extra is not None and (name in owners or name.startswith(tuple(f"{owner}/" for owner in owners))):
            raise MissingExtraError(
                needed_for=f"{name!r}, of plugin {plugin.id},",
                extra=plugin.extra,
                missing=plugin.lacking,
                distribution=plugin.distribution,
            )


def check_owner_of(plugins: Sequence[Plugin], kind: str, name: str) -> None:
    """Raises UsageError if a qualified name that was typed is of a plugin that is not installed, or that does not offer
    it, and ZooError if it is of one that cannot be used now. For a name that stands in a record: `recorded_entry`."""
    owner, _, own = name.partition("/")
    if ":" not in owner:
        return
    found = next((plugin for plugin in plugins if plugin.id == owner), None)
    if found is None:
        distribution = owner.partition(":")[0]
        if siblings := [plugin.id for plugin in plugins if plugin.distribution == distribution]:
            hint = did_you_mean(owner, siblings) or "see zoo plugins"
            raise UsageError(f"unknown {kind} {own!r}: there is no plugin {owner}", hint=hint)
        text = f"unknown {kind} {own!r}: plugin {owner}, which offers it, is not installed"
        raise UsageError(text, hint=f"install {distribution} again; zoo plugins shows what there is")
    check_offered(plugins, kind, own, plugin=owner, typed=True)


def check_offered(
    plugins: Iterable[Plugin], kind: str, name: str, *, plugin: str, without: str = "", typed: bool = False
) -> None:
    """Raises ZooError if the plugin that a name comes from, by its id, does not offer it now, and UsageError if it was
    typed; `without`: what works all the same."""
    what, otherwise = f"the {kind} {name!r} comes from plugin {plugin}, which", f"; without it, {without}"
    found = next((each for each in plugins if each.id == plugin), None)
    if found is None:
        hint = f"pip install {plugin.partition(':')[0]}"
        raise ZooError(f"{what} is not installed", hint=f"{hint}{otherwise}" if without else hint)
    if found.status == "disabled":
        raise ZooError(f"{what} ZOO_PLUGINS leaves out", hint=f"unset ZOO_PLUGINS, or add {found.entry} to it")
    if found.problem is not None:
        raise ZooError(f"{what} cannot be used: {found.problem}", hint=found.hint or "see zoo plugins")
    if f"{kind}:{name}" not in found.offers and all((e["kind"], e["name"]) != (kind, name) for e in found.entries):
        offered = [entry["name"] for entry in found.entries if kind in {entry["kind"], "name"}]
        hint = did_you_mean(name, offered) or f"another version of {found.distribution} may; see zoo plugins"
        raise (UsageError if typed else ZooError)(f"{what} does not offer it in the version {found.version}", hint=hint)


def is_unusable(plugin: Plugin) -> bool:
    """Whether it offers nothing, and that is a fault, which no extra mends."""
    return plugin.status in {"broken", "unavailable"} and plugin.extra is None


def is_named(plugin: Plugin, name: str) -> bool:
    """Whether a name is that of a plugin, or of something that it offers, or offered before it broke."""
    owners = (plugin.entry, plugin.id, plugin.distribution)
    return name in {*owners, *plugin.offered} or name.startswith(tuple(f"{owner}/" for owner in owners))


def check_none_broken(plugins: Iterable[Plugin], kind: str, name: str) -> None:
    """Raises ZooError if a plugin that cannot be used had offered that name before it broke."""
    for plugin in plugins:
        if plugin.problem is not None and name in plugin.offered:
            check_offered(plugins, kind, name, plugin=plugin.id)


def told_of_unusable(plugins: Iterable[Plugin], name: str) -> str:
    """A sentence for a name that nothing has, where a plugin that cannot be used has it, or may have it; else ""."""
    unusable = [plugin for plugin in plugins if is_unusable(plugin)]
    for plugin in unusable:
        if is_named(plugin, name):
            return f"Plugin {plugin.id} cannot be used: {plugin.problem}; see zoo plugins."
    if not unusable:
        return ""
    listed = ", ".join(plugin.id for plugin in unusable[:_MOST_NAMED])
    more = f" and {len(unusable) - _MOST_NAMED} more" if len(unusable) > _MOST_NAMED else ""
    return f"It may be of a plugin that cannot be used: {listed}{more}; see zoo plugins."


def _entry_point_line(folder: Path, entry: str) -> str:
    """Where a project names a plugin, as a path that can be opened, and a line where it is found."""
    file = folder / "pyproject.toml"
    try:
        lines = read_plain(file, most=_MOST_BYTES).decode().splitlines()
    except (OSError, ValueError, ZooError):
        return str(folder)
    section = ""
    for number, line in enumerate(map(str.strip, lines), start=1):
        section = line if line.startswith("[") else section
        if ENTRY_POINT_GROUP in section and line.partition("=")[0].strip().strip("\"'") == entry:
            return f"{file}:{number}"
    return str(file)


def _editable_place(problem: str, files: Mapping[str, Any], folder: Path) -> str:
    """The last place that a problem names, as a path that can be opened; empty where there is none."""
    for short, line in reversed(_PLACE.findall(problem)):
        known = [file for file in files if Path(file).as_posix().endswith(f"/{short}")]
        for file in (*map(Path, known), folder / short, folder / "src" / short):
            if file.is_file():
                return f"{file}:{line}"
    return ""
