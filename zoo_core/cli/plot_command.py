"""`zoo plot`: draw pictures of a run."""

from __future__ import annotations

import click

from .common import json_option, print_json, say
from .completion import complete_runs

EXAMPLES = """
\b
Examples:
  zoo plot lenet5-digits
  zoo plot runs/lenet5-digits --what curves --json
"""


@click.command("plot", epilog=EXAMPLES)
@click.argument("run", metavar="RUN", shell_complete=complete_runs)
@click.option("--what", default="curves", show_default=True, metavar="KIND", help="curves: loss and accuracy.")
@json_option
def command(run: str, what: str, as_json: bool) -> None:
    """Draw pictures of RUN as PNG files in its folder plots/."""
    from zoo_core.training.run import load_run
    from zoo_core.workflows.pictures import draw

    opened = load_run(run)
    files = draw(opened, what=what)
    if as_json:
        print_json({"files": [str(file) for file in files]})
        return
    for file in files:
        say(str(file))
    say(f"Next: zoo export {opened.name}")
