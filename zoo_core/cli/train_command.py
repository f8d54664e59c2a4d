"""`zoo train`: train a model on a dataset."""

from __future__ import annotations

from typing import Any

import click

from zoo_core.commands.common import (
    data_options,
    json_option,
    model_options,
    seed_option,
    trainer_options,
)
from zoo_core.commands.completion import complete_datasets, complete_models, complete_runs, complete_trainers

from .train_request import more_options, whole

EXAMPLES = """
\b
Examples:
  zoo train lenet5 --dataset digits
  zoo train mlp --dataset digits -o hidden=128,64 -t lr=0.001 --epochs 10
  zoo train lenet5 --dataset image-folder -d root=pictures -d size=32
  zoo train --resume                              the unfinished run, where there is one; else --run NAME says which
  zoo train lenet5 --dataset digits --run lenet5-digits --resume --epochs 30    more epochs for a finished run
  zoo train --like lenet5-digits -t lr=0.01       the same again, but for that
  zoo train lenet5 --dataset digits --processes 2    two processes share each batch; torchrun -m -- zoo_core train ...
  zoo train tablemlp --dataset iris --folds 5     cross-validation: a run for each fold, mean and spread
  zoo train lenet5 --dataset digits -t export_best=true    each new best is a verified file while it trains
  zoo train lenet5 --dataset digits -t precision=bf16 -t compile=true    how steps are computed; auto: what pays
  zoo train lenet5 --dataset digits --find-lr rates.png    which learning rate suits, without a run
  zoo train torchvision/resnet18 --dataset image-folder -d root=cats --init-from weights:DEFAULT --freeze '!fc'
                                     published weights, of which only the last layer, fc, is trained
"""


@click.command("train", epilog=EXAMPLES)
@click.argument("model", metavar="MODEL", required=False, shell_complete=complete_models)
@click.option("--dataset", metavar="D", shell_complete=complete_datasets, help="Name of the dataset.")
@click.option("--run", metavar="NAME", shell_complete=complete_runs, help="Default: MODEL-DATASET, then -2, ...")
@click.option("--epochs", type=click.IntRange(min=1), metavar="N", help="Default: the trainer's.")
@model_options
@data_options
@trainer_options
@click.option("--trainer", metavar="T", shell_complete=complete_trainers, help="Default: supervised.")
@seed_option
@click.option("--device", metavar="D", help="auto (default: cuda, else mps, else cpu), cpu, cuda, cuda:1, mps.")
@click.option(
    "--init-from", metavar="WEIGHTS", help="Begin with the weights of RUN, FILE (.safetensors, .pth) or weights:NAME."
)
@click.option(
    "--freeze", multiple=True, metavar="PATTERN", help="Parts that are not trained, '!PART': all but that; repeatable."
)
@more_options
@click.option("--download", is_flag=True, help="Fetch the dataset if it is not on the disk.")
@click.option("--dry-run", is_flag=True, help="One batch through everything, then stop; leaves no run.")
@click.option("--resume", is_flag=True, help="Go on with --run NAME, or the newest unfinished run of MODEL on D.")
@click.option("--accept-changes", is_flag=True, help="--resume also with plugins that have changed since.")
@json_option
def command(as_json: bool, **asked: Any) -> None:
    """Train MODEL on a dataset, keep the best weights, and measure them. With `--resume`, a run knows both."""
    from zoo_core.registry import open_zoo
    from zoo_core.training.distributed.speaking import hush, speaks
    from zoo_core.training.run import load_run
    from zoo_core.workflows.trainings.proof import check_provable

    from .train_folds import train_folds
    from .train_processes import in_processes
    from .train_rates import show_rates
    from .train_result import show_trained, show_tried
    from .train_watched import proved, watched_training

    hush()
    asked = whole(asked, zoo := open_zoo(), command)
    if (code := in_processes(asked)) is not None:
        raise click.exceptions.Exit(code)
    if (picture := asked.pop("find_lr")) is not None:
        show_rates(zoo, asked, picture, as_json=as_json)
        return
    if (folds := asked.pop("folds")) is not None:
        train_folds(zoo, asked, folds, as_json=as_json)
        return
    if (kills := asked.pop("prove_resume")) is not None:
        check_provable(asked)
    run = asked["run"] if asked["resume"] else None  # one to go on with may be a path
    info = watched_training(zoo, asked, as_json=as_json)
    if not speaks():
        return
    if asked["dry_run"]:
        show_tried(info, as_json=as_json)
        return
    done = load_run(run or info.name)
    if kills is not None:
        info = proved(zoo, done, kills)
        done = load_run(done.path)
    show_trained(info, done, zoo, called=run or done.name, as_json=as_json)
