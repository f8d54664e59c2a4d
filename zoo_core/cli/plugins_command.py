"""`zoo plugins`."""

from __future__ import annotations

import click

from .common import json_option, print_json, say

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

    plugins = open_zoo().plugins
    if as_json:
        print_json([plugin.to_json() for plugin in plugins])
        return
    from .tables import table, terminal_width, wrapped

    rows = [[p.id, p.version, p.status, p.problem or _shortened(p.offers)] for p in plugins]
    for line in table(("PLUGIN", "VERSION", "STATUS", "OFFERS, OR PROBLEM"), rows, width=terminal_width()):
        say(line)
    if not plugins:
        say("no plugin is installed")
    for plugin in plugins:
        if plugin.problem is not None:
            say()
            for text in (f"{plugin.id}: {plugin.problem}", f"  To do: {plugin.hint}"):
                say("\n".join(wrapped(text, width=terminal_width())))
    say("\nNext: zoo list")


def _shortened(offers: tuple[str, ...]) -> str:
    more = f", and {len(offers) - 8} more" if len(offers) > 8 else ""
    return ", ".join(offers[:8]) + more
