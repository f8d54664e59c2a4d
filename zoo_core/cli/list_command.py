"""`zoo list`."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from zoo_core.errors import UsageError, did_you_mean

from .common import json_option, note, print_json, say

EXAMPLES = """
\b
Examples:
  zoo list                          models, datasets and trainers
  zoo list models 'lenet*'          models whose whole name matches
  zoo list net --exclude mobile     whatever has 'net' in its name, but not 'mobile'
  zoo list runs
"""
_KINDS = ("models", "datasets", "trainers", "runs", "exports")
_NEXT = {"model": "zoo info {}", "dataset": "zoo info {}", "trainer": "zoo info {}"}
_NEXT |= {"run": "zoo export {}", "export": "zoo verify {}"}


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(kind) for kind in _KINDS if kind.startswith(incomplete)]


@click.command("list", epilog=EXAMPLES)
@click.argument("what", nargs=-1, metavar="[models|datasets|trainers|runs|exports] [PATTERN]", shell_complete=_complete)
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave these names out; repeatable.")
@click.option("--task", metavar="T", help="Only this task, for example image-classification.")
@click.option("--plugin", metavar="P", help="Only this plugin: its id, entry point or distribution.")
@click.option("--license", "license_", metavar="L", help="Only licenses with this text in their name.")
@json_option
def command(
    what: tuple[str, ...],
    exclude: tuple[str, ...],
    task: str | None,
    plugin: str | None,
    license_: str | None,
    as_json: bool,
) -> None:
    """List models, datasets and trainers; or your runs; or your exports."""
    from zoo_core.registry import open_zoo
    from zoo_core.workflows.listing import list_rows

    kind, pattern = _kind_and_pattern(what)
    zoo = open_zoo()
    rows = list_rows(zoo, kind=kind, pattern=pattern, exclude=exclude, task=task, plugin=plugin, license=license_)
    if as_json:
        print_json(rows)
        return
    from .tables import table, terminal_width

    columns = ("name", "kind", "task", "summary") if kind not in {"runs", "exports"} else ("name", "summary")
    for line in table(
        [c.upper() for c in columns], [[row[c] for c in columns] for row in rows], width=terminal_width()
    ):
        say(line)
    if not rows:
        note("nothing to list" + (" with these filters" if pattern or exclude or task or plugin or license_ else ""))
    if unusable := sum(p.status in {"broken", "unavailable"} for p in zoo.plugins):
        note(f"{unusable} plugin{'s' if unusable > 1 else ''} cannot be used: see zoo plugins")
    if rows:
        say(f"\nNext: {_NEXT[rows[0]['kind']].format(rows[0]['name'])}")


def _kind_and_pattern(what: tuple[str, ...]) -> tuple[str | None, str]:
    first, *rest = (*what, "")[: max(len(what), 1)]
    if first in _KINDS:
        if len(rest) > 1:
            raise UsageError(f"zoo list takes one PATTERN, not {len(rest)}: {' '.join(rest)}", hint="quote it: 'a*'")
        return first, rest[0] if rest else ""
    if rest:
        raise UsageError(f"unknown kind {first!r}", hint=did_you_mean(first, _KINDS))
    return None, first
