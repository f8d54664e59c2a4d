"""Rules for a trainer: it learns, can be repeated to the bit, and can be stopped and resumed at any moment."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo_core.checks.apart.own_process import how_it_ended
from zoo_core.checks.candidates.trainer_candidate import EPOCHS, TrainerCandidate, train
from zoo_core.checks.rule import BrokenRuleError, NotApplicableError, rules
from zoo_core.children.parent import Child
from zoo_core.errors import ZooError
from zoo_core.files import temporary_folder
from zoo_core.records import TrainResult, counted
from zoo_core.training import RunDirectory

STOPPED_AFTER = 3
SECONDS_TO_BEGIN = 120.0
SECONDS_TO_STOP = 20.0


def works_with_defaults(trainer: TrainerCandidate) -> None:
    """Every option of the trainer has a default.

    `zoo train MODEL --dataset D --trainer NAME` is what everybody tries first.
    """
    if required := [option.name for option in trainer.trainer.spec.options if option.required]:
        raise BrokenRuleError(f"option {required[0]!r} has no default")


def tells_every_epoch(trainer: TrainerCandidate) -> None:
    """`on_epoch` is called once for each epoch, in order, and the result says how many there were.

    Progress, curves and loggers hear of the training in no other way.
    """
    trained = trainer.straight
    told = [row.epoch for row in trained.rows]
    if not isinstance(trained.result, TrainResult):
        raise BrokenRuleError(f"fit returns a {type(trained.result).__name__}, not a TrainResult")
    if told != list(range(1, trained.result.epochs + 1)):
        raise BrokenRuleError(f"it was told of the epochs {told}, and its result says {trained.result.epochs}")
    if not trained.result.stopped_early and trained.result.epochs != EPOCHS:
        raise BrokenRuleError(f"{EPOCHS} epochs were asked for, {trained.result.epochs} were trained")


def makes_the_loss_fall(trainer: TrainerCandidate) -> None:
    """With its defaults the loss on the training part is lower after a few epochs than after the first.

    The job is an easy one: blobs that a small network tells apart.
    """
    losses = [row.train.get("loss", float("nan")) for row in trainer.straight.rows]
    if not losses or not min(losses[1:], default=float("inf")) < losses[0]:
        shown = ", ".join(f"{loss:.3f}" for loss in losses)
        raise BrokenRuleError(f"the loss of {counted(len(losses), 'epoch')}: {shown}")


def repeats_itself(trainer: TrainerCandidate) -> None:
    """The same job with the same seed gives the same weights, to the bit.

    What cannot be repeated cannot be compared.
    """
    spec = trainer.trainer.spec
    _check_equal(
        trainer.straight.weights, train(spec, epochs=EPOCHS).weights, "a second training run with the same seed"
    )


def resumes_exactly(trainer: TrainerCandidate) -> None:
    """A training that was stopped and resumed ends with the weights of one that was not, to the bit.

    Then nobody has to ask whether a machine was restarted in between.
    """
    spec = trainer.trainer.spec
    expected = [row.epoch for row in trainer.straight.rows if row.epoch > STOPPED_AFTER]
    if not expected:
        raise NotApplicableError(f"it stops by itself within {STOPPED_AFTER} epochs")
    with temporary_folder("zoo-check-") as run:
        train(spec, epochs=EPOCHS, run=run, stop_after=STOPPED_AFTER)
        _check_state(run)
        resumed = train(spec, epochs=EPOCHS, run=run)
    if (told := [row.epoch for row in resumed.rows]) != expected:
        raise BrokenRuleError(f"resumed after epoch {STOPPED_AFTER}, it trains the epochs {told}")
    _check_equal(trainer.straight.weights, resumed.weights, f"a training run stopped after epoch {STOPPED_AFTER}")


def stops_when_it_is_told_to(trainer: TrainerCandidate) -> None:
    """Ctrl-C ends a training at once, and leaves a checkpoint that can be read.

    Somebody who waits for a terminal kills the process, and what is killed may be half-written.
    """
    _ = trainer.straight  # a trainer that cannot take the job, or has no defaults, is told from one that cannot stop
    with temporary_folder("zoo-check-") as folder:
        _interrupt(f"{trainer.trainer.plugin}/{trainer.trainer.name}", folder)
        _check_state(folder)


def _interrupt(name: str, run: Path) -> None:
    """Train in a process of its own, and send it SIGINT after the second epoch."""
    task = {"name": name, "run": str(run)}
    with Child("zoo_core.checks.candidates.trainer_candidate:train_until_stopped", task) as child:
        try:
            begun = _message_after(child, epoch=1, seconds=SECONDS_TO_BEGIN)
        except TimeoutError:
            raise BrokenRuleError(f"no second epoch within {SECONDS_TO_BEGIN:g} s") from None
        if "epoch" not in begun:
            raise BrokenRuleError(f"it ends before the second epoch: {begun['ending']}")
        child.process.send_signal(signal.SIGINT)
        try:
            ended = _message_after(child, epoch=None, seconds=SECONDS_TO_STOP)
        except TimeoutError:
            raise BrokenRuleError(f"it is still training {SECONDS_TO_STOP:g} s after Ctrl-C") from None
        if ended.get("returned"):
            raise BrokenRuleError("Ctrl-C has no effect: fit catches KeyboardInterrupt")
        if not ended.get("stopped"):
            raise BrokenRuleError(f"Ctrl-C ends it with an error of its own: {ended['ending']}")


def _message_after(child: Child, *, epoch: int | None, seconds: float) -> dict[str, Any]:
    """The next message but those that tell an epoch up to this one, or any; `{ending}` where no more come."""
    until = time.monotonic() + seconds
    while (message := child.message(until - time.monotonic())) is not None:
        if "epoch" not in message or (epoch is not None and message["epoch"] > epoch):
            return message
    return {"ending": f"its process {how_it_ended(child)}".removesuffix(",")}


def _check_state(run: Path) -> None:
    try:
        state = RunDirectory(run).read_state()
    except ZooError as error:
        raise BrokenRuleError(f"its checkpoint cannot be read: {error.message}") from None
    if state is None or not state.rows:
        raise BrokenRuleError("it leaves no checkpoint; job.run.save_state(...) after each epoch, as Loop does")


def _check_equal(first: Mapping[str, Tensor], second: Mapping[str, Tensor], what: str) -> None:
    for name, tensor in first.items():
        if name not in second or not torch.equal(tensor, second[name]):
            raise BrokenRuleError(f"{what} ends with different weights, first in {name}")


RULES = (
    *rules("import", works_with_defaults),
    *rules("fit", tells_every_epoch, makes_the_loss_fall, repeats_itself, resumes_exactly, stops_when_it_is_told_to),
)
