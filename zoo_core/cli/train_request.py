"""What was typed for `zoo train`, with what only the record of a run can say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from zoo_core.commands.common import FilePath, note
from zoo_core.commands.completion import complete_runs

from .durations import read_seconds

if TYPE_CHECKING:
    from zoo_core.registry import Zoo

F = TypeVar("F", bound=Callable[..., Any])


def more_options(function: F) -> F:
    """What stands for words that are not typed (`config_file`, `like`), and other trainings than a whole one of so many
    epochs (`overfit`, `folds`, `time_budget`, `find_lr`)."""
    named: dict[str, dict[str, Any]] = {
        "--find-lr": {
            "type": FilePath(),
            "metavar": "PNG",
            "help": "Try learning rates and draw them; no run.",
        },
        "--time-budget": {
            "callback": read_seconds,
            "metavar": "TIME",
            "help": "As many epochs as fit: 10m, 1h30m.",
        },
        "--folds": {"type": click.IntRange(min=2), "metavar": "N", "help": "Cross-validation: a run for each fold."},
        "--processes": {
            "type": click.IntRange(min=1),
            "metavar": "N",
            "help": "So many processes share each batch.",
        },
        "--overfit": {
            "type": click.IntRange(min=1),
            "metavar": "N",
            "help": "Train and measure on N samples alone.",
        },
        "--prove-resume": {
            "type": click.IntRange(min=1),
            "metavar": "K",
            "help": "Train once more, killed K times: same bits?",
        },
        "--like": {"metavar": "RUN", "shell_complete": complete_runs, "help": "As RUN was, but for what is typed."},
    }
    for name, words in named.items():
        function = click.option(name, **words)(function)
    file = click.option("--config", "config_file", type=FilePath(), metavar="FILE", help="TOML with what is not typed.")
    return file(function)


def whole(asked: Mapping[str, Any], zoo: Zoo, command: click.Command) -> dict[str, Any]:
    """The same with what a file or a run says that it shall be like, and with model and dataset, which a run to go on
    with knows; fails as for any argument that is missing."""
    from zoo_core.workflows.trainings.resuming import named_by_run

    known = _described(asked, zoo)
    if known["resume"] and known["folds"] is None:
        known |= named_by_run(known["run"], model=known["model"], dataset=known["dataset"], zoo=zoo)
    missing = [param for param in command.params if param.name in {"model", "dataset"} and known[param.name] is None]
    if missing:
        raise click.MissingParameter(ctx=click.get_current_context(), param=missing[0])
    return known


def _described(asked: Mapping[str, Any], zoo: Zoo) -> dict[str, Any]:
    from zoo_core.errors import UsageError
    from zoo_core.workflows.trainings.described import asked_like, merged, read_asked

    typed = dict(asked)
    file, like = typed.pop("config_file"), typed.pop("like")
    if file is None and like is None:
        return typed
    given = "--config" if like is None else "--like" if file is None else "--config and --like"
    if typed["resume"] or (file and like):
        other = " and --resume" if typed["resume"] else ""
        raise UsageError(f"{given}{other}: each says what a training is", hint="give one of them")
    if like is None:
        return merged(typed, read_asked(file))
    wanted, told = asked_like(like, typed, zoo)
    if told:
        note(told)
    return merged(typed, wanted)
