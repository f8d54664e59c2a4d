"""`zoo check`."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

import click

from zoo_core.commands.common import data_options, json_option, model_options, note, print_json, say
from zoo_core.commands.completion import complete_entries
from zoo_core.errors import NotVerifiedError

if TYPE_CHECKING:
    pass

EXAMPLES = """
\b
Examples:
  zoo check my-plugin                        everything that a plugin offers
  zoo check lenet5 -o in_channels=3          one model, with other options
  zoo check my-digits -d root=./data         a dataset whose files lie elsewhere
  zoo check my-plugin --rule 'exports*'      only rules of this name; repeatable
"""


@click.command("check", epilog=EXAMPLES)
@click.argument("name", metavar="PLUGIN|MODEL", shell_complete=complete_entries)
@model_options
@data_options
@click.option("--rule", "only", multiple=True, metavar="PATTERN", help="Only these rules; repeatable.")
@click.option("--download", is_flag=True, help="Fetch a dataset that is not on the disk.")
@json_option
def command(
    name: str, options: dict[str, str], data: dict[str, str], only: tuple[str, ...], download: bool, as_json: bool
) -> None:
    """Check that a plugin, or one model, dataset, trainer, task or recipe, does what everybody may expect of it.

    One rule is one promise: a light import, true shapes, rows that do not depend on each other, weights that survive
    saving, a verified export and so on. Exit code 3 when a rule is broken; a remark says what will break one day, or
    what could be said better. Rules that a plugin declares as broken, with a reason, are skipped, and fail once they
    hold. A rule that ends the process in which it is looked at, or takes more than 600 seconds (ZOO_RULE_TIMEOUT), is
    broken, and the others are still looked at.
    """
    from zoo_core.checks import CheckOptions, Planned, watched

    from .check_output import begin_rule, finding_line, next_after, outcome_count

    show = note if as_json else say
    given = CheckOptions(options=options, data=data, download=download, only=only)
    found: dict[str, list[dict[str, Any]]] = {"passed": [], "failed": [], "skipped": [], "remark": []}
    subjects: list[str] = []
    with contextlib.closing(watched(name, given)) as seen:
        for each in seen:
            if not isinstance(each, Planned):
                found[each.outcome].append(each.to_json())
                show(finding_line(each))
            else:
                if not as_json:
                    begin_rule(each, new=each.subject not in subjects[-1:])
                subjects.append(each.subject)
            sys.stdout.flush()
    if as_json:
        print_json({("remarks" if outcome == "remark" else outcome): rows for outcome, rows in found.items()})
    counts = ", ".join(outcome_count(outcome, len(rows)) for outcome, rows in found.items() if rows)
    if found["failed"]:
        first = found["failed"][0]
        raise NotVerifiedError(
            f"{name}: {counts}; {first['subject']}: {first['rule']}: {first['detail']}", hint=first["promise"]
        )
    if not as_json:
        say(f"{name}: {counts}", "", f"Next: {next_after(subjects[0])}")
