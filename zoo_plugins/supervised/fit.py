"""The supervised trainer: an optimizer and a schedule for the zoo's own loop."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from zoo_core import EpochRow, TrainResult, UsageError
from zoo_core.commands import counted
from zoo_core.tasks import TrainingLoss
from zoo_core.training import (
    Augment,
    Feed,
    Loop,
    Mix,
    Muon,
    Plateau,
    SampleLosses,
    Sampler,
    Schedule,
    TrainJob,
    Wishes,
    balanced,
    check_wishes,
    choose_augmentations,
    class_weights,
    loss_for,
    parameter_groups,
    read_cadence,
    try_batch,
    try_sample_losses,
)

from .config import SupervisedConfig

SMALL_SIDES = (5 / 8, 3 / 4)
"""Parts of a picture's side while pictures are small: in the first half of these epochs, and in the second."""


def train(job: TrainJob, *, on_epoch: Callable[[EpochRow], None]) -> TrainResult:
    """Every epoch that is left of the job."""
    job.world.prepare(job.module)
    config: SupervisedConfig = job.config
    small = 0 if job.schedule_start else round(config.small_first * job.epochs)
    feed = Feed(
        job.train,
        batch_size=config.batch_size,
        device=job.device,
        augment=augment_of(job),
        sampler=sampler_of(job),
        mix=mix_of(job),
        side_in=lambda epoch: side_in(epoch, small=small),
        world=job.world,
    )
    loop = Loop(
        job,
        feed=feed,
        optimizer=make_optimizer(job.module, config),
        loss=loss_of(job),
        learning_rate=schedule_of(job, steps=feed.steps),
        patience=config.patience,
        stop_at=config.stop_at,
        clip=config.clip,
        accumulate=config.accumulate,
        average=config.ema,
        drop=drops_of(job),
        checkpoints=read_cadence(config.checkpoint_every),
        wishes=wishes_of(config),
    )
    return loop.fit(on_epoch=on_epoch)


def schedule_of(job: TrainJob, *, steps: int) -> Schedule:
    """The learning rate of each step, of so many in an epoch."""
    config: SupervisedConfig = job.config
    return Schedule(
        kind=config.schedule,
        peak=config.lr or 0.0,
        epochs=job.epochs,
        steps_per_epoch=steps,
        warmup=config.warmup,
        step_size=config.step_size,
        gamma=config.gamma,
        start=job.schedule_start,
    )


def check_job(job: TrainJob) -> None:
    """Raise ZooError for a loss, an augmentation or smaller pictures that are not for this model and these data."""
    added = job.epochs - job.schedule_start
    if job.schedule_start and job.config.warmup >= added:
        raise UsageError(
            f"trainer supervised: warmup takes {job.config.warmup} of the {counted(added, 'epoch')} that are added",
            hint="add more with --epochs",
        )
    _check_own_losses(job)
    check_wishes(wishes_of(job.config), device=job.device, own_losses=job.losses is not None)
    sampler_of(job)
    loss, small = loss_of(job), job.config.small_first > 0  # also where it comes to no epoch, as in a dry run
    if isinstance(loss, SampleLosses):
        try_sample_losses(job, loss, option=_weighing(job.config))
    # A loss that was not chosen fits whole pictures; a model's own may need what the model gives in training alone.
    tried = job.config.loss != "usual" or (small and job.loss is None) or job.config.weighs_samples
    sides = (*SMALL_SIDES, 1.0) if small else (1.0,)
    try_batch(job, loss=loss if tried else None, augment=augment_of(job), sides=sides, mix=mix_of(job))


def wishes_of(config: SupervisedConfig) -> Wishes:
    """How steps are to be computed."""
    return Wishes(precision=config.precision, channels_last=config.channels_last, compile=config.compile)


def augment_of(job: TrainJob) -> Augment | None:
    """What is done to the training samples."""
    names = choose_augmentations(job.config.augment, job.augment)
    return Augment(names=names, seed=job.seed) if names else None


def sampler_of(job: TrainJob) -> Sampler | None:
    """Which samples an epoch has; None for each once. Raises UsageError for samples without a class."""
    if job.config.sampling != "balanced":
        return None
    _check_classes(job, "sampling=balanced")
    return balanced(job.train.targets)


def mix_of(job: TrainJob) -> Mix | None:
    """How training samples are mixed; None for not at all."""
    config: SupervisedConfig = job.config
    if not config.mixup and not config.cutmix:
        return None
    return Mix(mixup=config.mixup, cutmix=config.cutmix, seed=job.seed)


def _check_classes(job: TrainJob, option: str) -> None:
    if job.train.form != "classes":
        raise UsageError(
            f"{option} is for samples that are each of one class; what is true of these is {job.train.form}",
            hint=f"leave out {option.partition('=')[0]}",
        )


def _check_own_losses(job: TrainJob) -> None:
    """Raise UsageError for options of a loss where the model computes it itself."""
    config: SupervisedConfig = job.config
    given = {"loss": config.loss != "usual", "label_smoothing": config.label_smoothing, "mixup": config.mixup}
    given |= {"cutmix": config.cutmix, "class_weights": config.class_weights != "none"}
    if job.losses is not None and (named := [f"-t {name}" for name, value in given.items() if value]):
        raise UsageError("this model computes its losses itself", hint=f"leave out {' and '.join(named)}")


def _weighing(config: SupervisedConfig) -> str:
    """The options for which the loss has to be known sample by sample, in words."""
    named = {"mixup": config.mixup, "cutmix": config.cutmix, "class_weights": config.class_weights != "none"}
    return " with ".join(name for name, value in named.items() if value)


def loss_of(job: TrainJob) -> TrainingLoss | None:
    """The loss that the config names, or else the model's own or the task's; None where the model computes its own."""
    config: SupervisedConfig = job.config
    if job.losses is not None:
        return None
    loss = loss_for(
        job.task.name,
        name=None if config.loss == "usual" else config.loss,
        label_smoothing=config.label_smoothing,
        own=job.loss,
    )
    if not config.weighs_samples:
        return loss
    if config.class_weights == "none":
        return SampleLosses(loss)
    _check_classes(job, "class_weights")
    return SampleLosses(loss, weights=class_weights(config.class_weights, job.train.targets, names=job.train.classes))


def side_in(epoch: int, *, small: int) -> float:
    """The part of their side that pictures have in an epoch; epochs count from 1, and the first `small` are cheaper."""
    if epoch > small:
        return 1.0
    return SMALL_SIDES[0] if epoch <= small // 2 else SMALL_SIDES[1]


def drops_of(job: TrainJob) -> Plateau | None:
    """What lowers the rate by what the epochs have brought; None for a schedule of the steps alone."""
    config: SupervisedConfig = job.config
    if config.schedule != "plateau":
        return None
    selection = job.task.selection
    return Plateau(gamma=config.gamma, wait=config.step_size, selection=selection, start=job.schedule_start)


def make_optimizer(module: nn.Module, config: SupervisedConfig) -> torch.optim.Optimizer:
    """The optimizer that the config names."""
    lr, decay = config.lr or 0.0, config.weight_decay or 0.0
    trained = parameter_groups(module, decay_vectors=config.decay == "all", layer_decay=config.layer_decay)
    if config.optimizer == "sgd":
        return torch.optim.SGD(trained, lr=lr, momentum=config.momentum, weight_decay=decay, nesterov=config.nesterov)
    if config.optimizer == "muon":
        return Muon(trained, lr=lr, momentum=config.momentum, weight_decay=decay)
    if config.optimizer == "adam":
        return torch.optim.Adam(trained, lr=lr, weight_decay=decay)
    if config.optimizer == "adadelta":
        return torch.optim.Adadelta(trained, lr=lr, weight_decay=decay)
    return torch.optim.AdamW(trained, lr=lr, weight_decay=decay)
