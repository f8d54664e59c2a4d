"""`zoo rm`: remove runs and exports."""

from __future__ import annotations

import sys

import click

from zoo_core import UsageError
from zoo_core.commands import complete_runs_and_exports, json_option, note, print_json, say, typed

EXAMPLES = """
\b
Examples:
  zoo rm lenet5-digits-2
  zoo rm export:lenet5-digits
  zoo rm first second third --yes    without asking, for scripts
"""


@click.command("rm", epilog=EXAMPLES)
@click.argument("names", nargs=-1, required=True, metavar="RUN|EXPORT...", shell_complete=complete_runs_and_exports)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def command(names: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Remove runs from runs/ and exports from exported/ of the current folder, after asking.

    A name that a run and its export share means the run; export:NAME is the export. Nothing is removed when one of the
    names is no run or export of this folder, or is reached by a link. A run that is being trained and an export that is
    being made are left alone.

    Exit code 1 when the answer is no, or when something is in use; 2 when there is no terminal to ask and no --yes.
    """
    from .removal import find_doomed

    doomed = find_doomed(names)
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(
                "nothing was removed: there is no terminal on which to ask", hint=typed("rm", *names, "--yes")
            )
        for each in doomed:
            note(each.in_words())
        if not click.confirm("Remove this for good?", err=True):
            note("Nothing was removed.")
            raise click.exceptions.Exit(1)
    for each in doomed:
        each.remove()
        if not as_json:
            say(f"Removed {each.in_words()}")
    if as_json:
        print_json({"removed": [str(each.path) for each in doomed]})
    else:
        say(f"Next: {typed('list', f'{doomed[0].kind}s')}")
