"""`zoo sweep`: a search for good options, trial by trial."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo_core.commands import (
    FilePath,
    complete_datasets,
    complete_models,
    data_options,
    json_option,
    model_options,
    note,
    print_json,
    say,
    seed_option,
    trainer_options,
)

EXAMPLES = """
\b
Examples:
  zoo sweep lenet5 --dataset digits space.toml
  zoo sweep mlp --dataset digits space.toml --trials 40 --processes 2 --epochs 10
  zoo sweep lenet5 --dataset digits space.toml --trials 80    the same again goes on: 40 more
"""


@click.command("sweep", epilog=EXAMPLES)
@click.argument("model", metavar="MODEL", shell_complete=complete_models)
@click.argument("space", metavar="SPACE.toml", type=FilePath())
@click.option("--dataset", metavar="D", required=True, shell_complete=complete_datasets, help="Name of the dataset.")
@click.option("--trials", type=click.IntRange(min=1), default=20, metavar="N", help="Trials in all. Default: 20.")
@click.option("--processes", type=click.IntRange(min=1), default=1, metavar="N", help="Trainings at once. Default: 1.")
@click.option("--epochs", type=click.IntRange(min=1), metavar="N", help="Of each training. Default: the trainer's.")
@model_options
@data_options
@trainer_options
@click.option("--trainer", metavar="T", help="Default: supervised.")
@seed_option
@click.option("--device", metavar="D", help="As of zoo train.")
@click.option("--sweep", metavar="NAME", help="Default: MODEL-DATASET-sweep.")
@click.option("--no-prune", is_flag=True, help="Train each to its end.")
@json_option
def command(model: str, space: Path, as_json: bool, **asked: Any) -> None:
    """Search for good options: trainings with other values each, of which the best on the validation part is told.

    SPACE.toml says what varies, in the tables of zoo train --config; what is a plain value is the same for all:

    \b
      [trainer_options]
      lr = {low = 1e-4, high = 0.1, log = true}
      batch_size = [32, 64, 128]
      optimizer = "adamw"
      [model_options]
      hidden = [[64], [128, 64]]

    Values are chosen by optuna (TPE); trainings below the median of the others at the same epoch are ended. Each trial
    is a run of its own, sweeps/NAME has the journal: the same command goes on where it was stopped, also with more
    trials, and so do other processes and machines that share the folder. Ends with a table, sweeps/NAME/sweep.png and
    the command of the best trial. Needs the extra `sweep`.
    """
    from .result import result_of
    from .space import read_space
    from .store import need_optuna

    need_optuna()
    result = result_of(model, read_space(space), progress=note, **asked)
    if as_json:
        print_json(result.report)
    else:
        say(*result.lines)
    if result.report["best"] is None:
        raise click.exceptions.Exit(1)
