"""`zoo list`."""

from __future__ import annotations

from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem

from zoo_core.commands.common import json_option, note, print_json, say, typed

EXAMPLES = """
\b
Examples:
  zoo list                          models, datasets and trainers
  zoo list models 'lenet*'          models whose whole name matches
  zoo list net --exclude mobile     whatever has 'net' in its name, but not 'mobile'
  zoo list --task detection --max-parameters 10M
  zoo list runs 'lenet5*' --sort best
"""
_KINDS = ("models", "datasets", "trainers", "runs", "exports")
_SORTED_BY = ("name", "model", "dataset", "epochs", "best", "seconds", "date")
_NEXT = {"run": "export", "export": "verify"}


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(kind) for kind in _KINDS if kind.startswith(incomplete)]


@click.command("list", epilog=EXAMPLES)
@click.argument("what", nargs=-1, metavar="[models|datasets|trainers|runs|exports] [PATTERN]", shell_complete=_complete)
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave these names out; repeatable.")
@click.option("--task", metavar="T", help="Only this task, for example image-classification.")
@click.option("--plugin", metavar="P", help="Only this plugin: its id, entry point or distribution.")
@click.option("--license", metavar="L", help="Only licenses with this text in their name.")
@click.option("--max-parameters", metavar="N", help="Only models of at most N parameters, for example 5M; needs torch.")
@click.option("--sort", metavar="FIELD", type=click.Choice(_SORTED_BY), help=f"runs: {', '.join(_SORTED_BY)}.")
@json_option
def command(
    what: tuple[str, ...],
    exclude: tuple[str, ...],
    max_parameters: str | None,
    sort: str | None,
    as_json: bool,
    **filters: str | None,
) -> None:
    """List models, datasets and trainers; or your runs; or your exports.

    Of a run are shown its model and dataset, the epochs that are done, the best epoch's metric on the validation part,
    how long it took, when it began, and the options in which runs of the same model and dataset differ. --sort best
    has the best one first, --sort date the newest; --json has every field.
    """
    from zoo_core.errors import UsageError
    from zoo_core.registry import open_zoo
    from zoo_core.workflows.catalogue.listing import kind_and_pattern, list_rows, similar_to
    from zoo_core.workflows.catalogue.run_rows import HEADER, run_cells, sort_runs

    kind, pattern = kind_and_pattern(what)
    zoo = open_zoo()
    rows = list_rows(zoo, kind=kind, pattern=pattern, exclude=exclude, **filters)
    if sort is not None:
        if kind != "runs":
            raise UsageError("--sort is for runs", hint=typed("list", "runs", "--sort", sort))
        rows = sort_runs(rows, sort)
    columns = ["name", "kind", "task", "summary"] if kind not in {"runs", "exports"} else ["name", "summary"]
    if max_parameters is not None:
        from .counted import counted_rows

        rows = counted_rows(zoo, rows, kind=kind, most=max_parameters)
        columns.insert(3, "parameters")
    if as_json:
        print_json(rows)
        return
    from zoo_core.commands.tables import table, terminal_width

    cells = [[f"{row[c]:,}" if c == "parameters" else row[c] for c in columns] for row in rows]
    header: Sequence[str] = [c.upper() for c in columns]
    if kind == "runs":
        header, cells = HEADER, [run_cells(row) for row in rows]
    if rows:
        say("\n".join(table(header, cells, width=terminal_width())))
    else:
        filtered = pattern or exclude or max_parameters or any(filters.values())
        note("nothing to list" + (" with these filters" if filtered else ""))
        if hint := similar_to(zoo, kind, pattern):
            note(hint)
    if unusable := sum(p.status in {"broken", "unavailable"} for p in zoo.plugins):
        note(f"{unusable} plugin{'s' if unusable > 1 else ''} cannot be used: see zoo plugins")
    if rows:
        say(f"\nNext: {typed(_NEXT.get(rows[0]['kind'], 'info'), rows[0]['name'])}")
