"""What was typed for `zoo train`, with what only the record of a run can say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from zoo_core.registry import Zoo


def whole(asked: Mapping[str, Any], zoo: Zoo, command: click.Command) -> dict[str, Any]:
    """The same with model and dataset, which a run to go on with knows; fails as for any argument that is missing."""
    from zoo_core.workflows.trainings.resuming import named_by_run

    known = dict(asked)
    if known["resume"]:
        known |= named_by_run(known["run"], model=known["model"], dataset=known["dataset"], zoo=zoo)
    missing = [param for param in command.params if param.name in {"model", "dataset"} and known[param.name] is None]
    if missing:
        raise click.MissingParameter(ctx=click.get_current_context(), param=missing[0])
    return known
