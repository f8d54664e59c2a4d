"""`zoo doctor`."""

from __future__ import annotations

import contextlib
import shutil
import textwrap
from typing import TYPE_CHECKING

import click

from zoo_core.commands.common import json_option, model_options, note, print_json, say, typed
from zoo_core.commands.completion import complete_models
from zoo_core.errors import NotVerifiedError, UsageError, ZooError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zoo_core.checks.doctor.machine import Row

EXAMPLES = """
\b
Examples:
  zoo doctor                        Python, packages, folders, plugins
  zoo doctor lenet5                 then one model, stage by stage
  zoo doctor lenet5 -o height=64    with other options
"""


@click.command("doctor", epilog=EXAMPLES)
@click.argument("model", required=False, metavar="[MODEL]", shell_complete=complete_models)
@model_options
@json_option
def command(model: str | None, options: dict[str, str], as_json: bool) -> None:
    """Look at this machine, and at a model stage by stage: import, build, forward, export, load, parity.

    The first stage that fails names the guilty line, also where the model ends or crashes its process. The name may
    also be that of a plugin that cannot be loaded. Exit code 1 when something around the model is wrong, 3 when the
    model is.
    """
    from zoo_core.checks.doctor.machine import environment_rows
    from zoo_core.checks.doctor.stages_apart import looked_at
    from zoo_core.registry import open_zoo

    zoo = open_zoo()
    if model is None and options:
        raise UsageError("-o is for a model", hint="zoo doctor MODEL -o K=V")
    # What is mistyped is told before anything is looked at.
    with contextlib.ExitStack() as stack:
        stages_of_model = stack.enter_context(looked_at(zoo, model, options)) if model is not None else iter(())
        around = _shown(environment_rows(zoo), as_json=as_json)
        stages = _shown(stages_of_model, as_json=as_json)
    if as_json:
        print_json([row.to_json() for row in (*around, *stages)])
    _conclude(model, around, stages, as_json=as_json)


def _shown(rows: Iterator[Row], *, as_json: bool) -> list[Row]:
    found = []
    for row in rows:
        found.append(row)
        line = f"{row.stage:<28} {row.outcome.replace('failed', 'FAILED'):<8} {row.detail}".rstrip()
        if as_json:
            note(line)
            continue
        say(*textwrap.wrap(line, max(60, shutil.get_terminal_size().columns), subsequent_indent=" " * 38))
        if row.hint:
            say(f"{'':<38}{row.hint}")
    return found


def _conclude(model: str | None, around: list[Row], stages: list[Row], *, as_json: bool) -> None:
    if bad := [row for row in stages if row.outcome == "failed"]:
        raise NotVerifiedError(f"model {model} fails at stage {bad[0].stage}: {bad[0].detail}", hint=bad[0].hint)
    if bad := [row for row in around if row.outcome == "failed"]:
        raise ZooError(f"{bad[0].stage}: {bad[0].detail}", hint=bad[0].hint or None)
    if not as_json:
        say("", f"Next: {typed('export', model) if model else 'zoo doctor MODEL, or zoo quickstart'}")
