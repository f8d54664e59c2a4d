"""`zoo list`."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from zoo_core.commands.common import json_option, note, print_json, say

EXAMPLES = """
\b
Examples:
  zoo list                          models, datasets and trainers
  zoo list models 'lenet*'          models whose whole name matches
  zoo list net --exclude mobile     whatever has 'net' in its name, but not 'mobile'
  zoo list tasks                    tasks; 'zoo list recipes' shows ways to make inputs
  zoo list --plugin my-plugin       whatever one plugin offers, also its tasks and recipes
  zoo list --task detection --max-parameters 10M
  zoo list --search "handwritten digits"    what has both words in its name, task or summary
  zoo list runs 'lenet5*' --sort best
  zoo list runs digits              runs with 'digits' in their name, model or dataset
"""
_KINDS = ("models", "datasets", "trainers", "tasks", "recipes", "runs", "exports")
_SORTED_BY = ("name", "model", "dataset", "epochs", "best", "seconds", "date")


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(kind) for kind in _KINDS if kind.startswith(incomplete)]


@click.command("list", epilog=EXAMPLES)
@click.argument("what", nargs=-1, metavar=f"[{'|'.join(_KINDS)}] [PATTERN]", shell_complete=_complete)
@click.option("--search", metavar="WORDS", help="Only what has these words in its name, task or summary.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave out what fits this; repeatable.")
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
    as_json: bool,
    **filters: str | None,
) -> None:
    """List models, datasets and trainers; tasks or recipes; your runs; or your exports.

    PATTERN with *, ? or [ is matched against the whole name, any other text is looked for inside it; of a run, its
    model and its dataset count too. --search looks in summaries. `zoo list datasets` says where their data are.
    Of a run are shown the epochs that are done, the best epoch's metric on the validation part, when it began, and the
    options in which runs of the same model and dataset differ. --sort has the best or the newest first.
    """
    from zoo_core.registry import open_zoo
    from zoo_core.workflows.catalogue.listing import kind_and_pattern, list_rows, similar_to

    from .listed import list_table, next_after, told_in_summaries

    kind, pattern = kind_and_pattern(what)
    zoo = open_zoo()
    rows = list_rows(zoo, kind=kind, pattern=pattern, exclude=exclude, **filters)
    if max_parameters is not None:
        from .counted import counted_rows

        rows = counted_rows(zoo, rows, kind=kind, most=max_parameters)
    if as_json:
        print_json(rows)
        return
    if rows:
        say(*list_table(rows, kind=kind))
    else:
        filtered = pattern or exclude or max_parameters or any(filters[name] for name in filters if name != "sort")
        hints = filter(None, [similar_to(zoo, kind, pattern), told_in_summaries(zoo, kind, pattern)])
        note("nothing to list" + (" with these filters" if filtered else ""), *hints)
    if unusable := sum(p.status in {"broken", "unavailable"} and p.extra is None for p in zoo.plugins):
        note(f"{unusable} plugin{'s' if unusable > 1 else ''} cannot be used: see zoo plugins")
    if following := next_after(rows, kind=kind, sort=filters["sort"]):
        say("", f"Next: {following}")
