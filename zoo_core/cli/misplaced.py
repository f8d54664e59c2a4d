"""Options of a dataset, a model or a trainer that were typed as if they were options of the command."""

from __future__ import annotations

import re

import click

_OWNERS = {"-d": "the dataset", "-o": "the model", "-t": "the trainer"}
_PAIR = re.compile(r"unexpected extra arguments? \(([A-Za-z_]\w*=[^)]*)\)")


def hint_of_misplaced(error: click.UsageError) -> str | None:
    """How `root=pets` and `--root pets` are typed; None for any other fault, and for commands without such options."""
    if error.ctx is None:
        return None
    flags = {option for param in error.ctx.command.params for option in param.opts}
    taken = {flag: owner for flag, owner in _OWNERS.items() if flag in flags}
    if not taken:
        return None
    if isinstance(error, click.NoSuchOption) and not error.possibilities:
        pair = f"{error.option_name.lstrip('-').partition('=')[0].replace('-', '_')}=..."
    elif found := _PAIR.search(error.message):
        pair = found.group(1).partition(" ")[0]
    else:
        return None
    return ", ".join(f"an option of {owner} is typed {flag} {pair}" for flag, owner in taken.items())
