"""`zoo plugins`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zoo_core.commands.common import json_option, print_json, say

if TYPE_CHECKING:
    from zoo_core.discovery import Plugin

EXAMPLES = """
\b
Examples:
  zoo plugins
  zoo plugins --json
  ZOO_PLUGINS=lenet5,digits zoo plugins      only these two are loaded
  ZOO_STRICT=1 zoo plugins                   the first plugin with a problem is an error
"""


@click.command("plugins", epilog=EXAMPLES)
@json_option
def command(as_json: bool) -> None:
    """Show every plugin: what it offers, or why it could not be loaded."""
    from zoo_core.registry import open_zoo

    zoo = open_zoo()
    plugins = zoo.plugins
    if as_json:
        from zoo_core.distributions import license_of

        licenses = {name: license_of(name) for name in {plugin.distribution for plugin in plugins}}
        print_json([{**plugin.to_json(), "license": licenses[plugin.distribution]} for plugin in plugins])
        return
    from zoo_core.commands.tables import table, terminal_width, wrapped
    from zoo_core.workflows.catalogue.listing import name_clashes

    rows = [[p.id, p.version, p.status, p.problem or _shortened(p)] for p in plugins if p.extra is None]
    rows += [[p.id, p.version, "needs extra", f"{p.extra}: {p.hint}"] for p in plugins if p.extra is not None]
    for line in table(("PLUGIN", "VERSION", "STATUS", "OFFERS, OR PROBLEM"), rows, width=terminal_width()):
        say(line)
    if not plugins:
        say("no plugin is installed")
    problems = [(f"{p.id}: {p.problem}", str(p.hint)) for p in plugins if p.problem is not None and p.extra is None]
    for problem, hint in (*problems, *name_clashes(zoo)):
        say()
        for text in (problem, f"  To do: {hint}"):
            say(*wrapped(text, width=terminal_width()))
    say("", "Next: zoo list")


def _shortened(plugin: Plugin) -> str:
    """What a plugin offers, and which events it is told."""
    offers = (*plugin.offers, *(f"event:{hook}" for hook in plugin.hooks))
    more = f", and {len(offers) - 8} more" if len(offers) > 8 else ""
    return ", ".join(offers[:8]) + more
