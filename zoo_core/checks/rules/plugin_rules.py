"""Rules for a plugin as a whole: it is imported whenever somebody's catalogue is cold, so importing it does little."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo_core.checks.candidates.candidates import IMPORT_SECONDS, PluginCandidate
from zoo_core.checks.rule import BrokenRuleError, NotApplicableError, RemarkError, rules
from zoo_core.discovery.cold import source_files
from zoo_core.errors import ZooError

from .public_names import private_names

LONGEST_SUMMARY = 100
"""Characters of which most are seen in a list on a wide terminal."""


def imports_without_heavy_packages(plugin: PluginCandidate) -> None:
    """Loading the plugin and asking its hooks loads neither torch nor another package that takes long.

    `zoo list` shows what is offered, on machines too that have no torch; import it where a model is built.
    """
    if heavy := plugin.watched["heavy"]:
        places = plugin.watched["imported_at"]
        named = [f"{name} ({places[name]})" if name in places else name for name in heavy]
        raise BrokenRuleError(
            f"loading {plugin.module} loads {', '.join(named)}: move that import into the function that needs it, "
            "build, fit or load; classes that derive from its own go into a module that this function imports",
            causes=heavy,
        )


def loads(plugin: PluginCandidate) -> None:
    """The plugin can be loaded, and its hooks return what they should.

    One that cannot offers nothing; `zoo plugins` shows the same reason.
    """
    if plugin.plugin.status == "disabled":
        raise NotApplicableError("ZOO_PLUGINS leaves it out")
    if plugin.plugin.problem is not None:
        slow = plugin.plugin.status == "slow"
        raise BrokenRuleError(plugin.plugin.problem, causes=plugin.watched["heavy"] if slow else ())


def imports_quickly(plugin: PluginCandidate) -> None:
    """Importing the plugin takes less than 50 ms of the processor, beyond what the zoo has loaded anyway.

    Everybody who installs ten plugins waits for ten of them.
    """
    seconds = plugin.watched["seconds"]
    if seconds >= IMPORT_SECONDS:
        shown = f"{seconds * 1000:.0f} ms; python -X importtime -c 'import {plugin.module}' says where"
        raise BrokenRuleError(f"importing {plugin.module} takes {shown}", causes=plugin.watched["heavy"])


def imports_offline(plugin: PluginCandidate) -> None:
    """Loading the plugin and asking its hooks asks the network nothing.

    A list must not depend on a server, nor tell one who looks at it.
    """
    if asked := plugin.watched["network"]:
        raise BrokenRuleError(f"loading {plugin.module} uses the network: {asked[0]}", causes=plugin.watched["heavy"])


def imports_without_side_effects(plugin: PluginCandidate) -> None:
    """Loading the plugin and asking its hooks writes no file and starts no process.

    What is only looked at leaves nothing behind.
    """
    seen = plugin.watched
    if seen["written"]:
        raise BrokenRuleError(f"loading {plugin.module} writes {seen['written'][0]}", causes=seen["heavy"])
    if seen["processes"]:
        started = f"loading {plugin.module} starts a process: {seen['processes'][0]}"
        raise BrokenRuleError(started, causes=seen["heavy"])


def names_stay_apart(plugin: PluginCandidate) -> None:
    """Nothing in the package is called like one of its modules.

    `from .fit import train` inside a function makes `fit` the module, and what was called `fit` before is gone: the
    second use fails.
    """
    if shadowed := plugin.watched["shadowed"]:
        raise BrokenRuleError(f"{plugin.module}.{shadowed[0]} is both a module and something else; rename one of them")


def family_members_are_specs(plugin: PluginCandidate) -> None:
    """Each name that a family lists stands for a ModelSpec with a source and a license.

    A name in the list that cannot be asked for is worse than none.
    """
    members = [entry for entry in plugin.zoo.entries("model") if _member_of(plugin, entry)]
    if not members:
        raise NotApplicableError("it offers no family")
    for entry in members:
        try:
            spec = plugin.zoo.model(entry.qualified).spec
        except ZooError as error:
            if "not installed" in f"{error.message} {error.hint}":
                raise NotApplicableError(error.message) from None
            raise BrokenRuleError(f"{entry.name}: {error.message}") from None
        if missing := [field for field in ("source", "license") if not getattr(spec, field)]:
            raise BrokenRuleError(f"{entry.name} has no {' and no '.join(missing)}")


def summaries_are_short(plugin: PluginCandidate) -> None:
    """The summary of each offer has at most 100 characters.

    `zoo list` has one line for each, and cuts off what does not fit. That is a remark, and no failure.
    """
    own = [
        entry for entry in plugin.zoo.entries() if entry.plugin == plugin.plugin.id and not _member_of(plugin, entry)
    ]
    if long := [entry for entry in own if len(entry.summary) > LONGEST_SUMMARY]:
        first = long[0]
        raise RemarkError(
            f"the summary of {first.kind} {first.name} has {len(first.summary)} characters, of which zoo list cuts off "
            f"those that do not fit; {LONGEST_SUMMARY} are enough, and the docstring or README has room for more"
        )


def commands_have_help(plugin: PluginCandidate) -> None:
    """Each command that the plugin adds says in one line what it does.

    It stands in `zoo --help` beside all others.
    """
    if not plugin.plugin.commands:
        raise NotApplicableError("it offers no command")
    if silent := [command["name"] for command in plugin.plugin.commands if not command["help"]]:
        raise BrokenRuleError(f"the command {silent[0]} has no help text")


def imports_public_names_only(plugin: PluginCandidate) -> None:
    """The plugin imports from the core only what a package's `__all__` has: `from zoo_core.training import Loop`.

    All else may be renamed or moved without a word. In this version that is a remark, and no failure.
    """
    found = []
    for file in sorted(source_files(plugin.module)):
        path = Path(file)
        try:
            private = private_names(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, SyntaxError):
            continue  # what cannot be read cannot be imported, which other rules say
        found += [f"{path.name}, {each}" for each in private]
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise RemarkError(f"{found[0]} is not public{more}")


def _member_of(plugin: PluginCandidate, entry: Any) -> bool:
    return entry.plugin == plugin.plugin.id and "family" in entry.data


RULES = rules(
    "import",
    imports_without_heavy_packages,  # first of all: what follows from it takes long, and is skipped
    loads,
    imports_quickly,
    imports_offline,
    imports_without_side_effects,
    names_stay_apart,
    family_members_are_specs,
    summaries_are_short,
    commands_have_help,
    imports_public_names_only,
)
