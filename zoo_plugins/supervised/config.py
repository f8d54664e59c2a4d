"""The options of the supervised trainer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from zoo_core import UsageError
from zoo_core.commands import counted

USUAL_RATE = {"sgd": 0.01, "adam": 0.001, "adamw": 0.005, "adadelta": 1.0, "muon": 0.01}
_USUALLY = ", ".join(f"{rate:g} {name}" for name, rate in USUAL_RATE.items())
USUAL_DECAY = {"sgd": 0.0, "adam": 0.0, "adamw": 0.01, "adadelta": 0.0, "muon": 0.1}


@dataclass(frozen=True, kw_only=True)
class SupervisedConfig:
    """How to train, an option a field. `lr` and `weight_decay` left at none become what is usual for the optimizer."""

    epochs: Annotated[int, "passes over the training part; more while the last ones still improve"] = 20
    batch_size: Annotated[int, "samples a step; fewer where memory runs out, more on an accelerator"] = 64
    optimizer: Annotated[
        Literal["sgd", "adam", "adamw", "adadelta", "muon"], "adamw suits most; sgd with a momentum for long trainings"
    ] = "adamw"
    lr: Annotated[float | None, f"peak learning rate; lower if it diverges; none: {_USUALLY}"] = None
    momentum: Annotated[float, "for sgd and muon; from 0 to below 1"] = 0.9
    nesterov: Annotated[bool, "Nesterov's momentum, for sgd"] = False
    weight_decay: Annotated[
        float | None, "pulls weights towards 0; more against overfitting; none: 0.01 adamw, 0.1 muon, 0 others"
    ] = None
    schedule: Annotated[
        Literal["constant", "step", "cosine", "one-cycle", "plateau"],
        "the learning rate over the epochs; constant to compare, plateau: it drops when nothing gets better",
    ] = "one-cycle"
    step_size: Annotated[int, "epochs between two drops, for step; without a better one before each, for plateau"] = 10
    gamma: Annotated[float, "factor of each drop, for the step and plateau schedules"] = 0.1
    warmup: Annotated[int, "epochs in which the rate rises from 0; a few for big batches and transformers"] = 0
    decay: Annotated[
        Literal["all", "matrices"], "what weight_decay is for; matrices: not biases and norms, as for transformers"
    ] = "all"
    layer_decay: Annotated[
        float, "rate of each layer as a part of that of the next one; 0.7 to fine-tune published weights"
    ] = 1.0
    clip: Annotated[float | None, "longest gradient, longer ones are shortened; 1 for transformers; none: any"] = None
    accumulate: Annotated[int, "batches a step of the optimizer; more for bigger steps than memory holds"] = 1
    ema: Annotated[
        float | None, "decay of a moving average of the weights, kept in their place; 0.999 is usual; none: no average"
    ] = None
    patience: Annotated[int | None, "epochs without a better validation result before it stops; none: never"] = None
    stop_at: Annotated[
        float | None, "validation result that is good enough to stop, of the metric that picks the best; none: never"
    ] = None
    label_smoothing: Annotated[float, "from 0 to below 1; 0.1 where labels are noisy or it is too sure of itself"] = 0.0
    augment: Annotated[
        str,
        "usual (the dataset's), none, some of flip, crop, affine, color, resized-crop, rand, erase, or usual,-crop",
    ] = "usual"
    small_first: Annotated[
        float,
        "part of the epochs, the first, on pictures of 5/8, then 3/4 of their side: faster, if the model can",
    ] = 0.0
    mixup: Annotated[float, "each sample with a part of another: a of Beta(a, a); 0.2 for many epochs; 0: never"] = 0.0
    cutmix: Annotated[float, "each sample with a patch of another: a of Beta(a, a); 1 for many epochs; 0: never"] = 0.0
    sampling: Annotated[
        Literal["shuffled", "balanced"], "balanced: as many places of an epoch for each class, however rare it is"
    ] = "shuffled"
    class_weights: Annotated[
        str, "how much the loss of a class counts: none, balanced (rare ones more), or a number for each: 1,5"
    ] = "none"
    loss: Annotated[
        str, "usual (the task's, or the model's own), cross-entropy, bce, dice, focal, or a sum such as bce+dice"
    ] = "usual"
    checkpoint_every: Annotated[
        str | None, "time or steps between two checkpoints within an epoch: 5m, 200steps; none: after whole epochs"
    ] = "10m"

    precision: Annotated[
        Literal["auto", "fp32", "bf16", "fp16"],
        "of what is computed on the way; auto: half where it is native and measured to pay",
    ] = "auto"
    channels_last: Annotated[
        Literal["auto", "true", "false"],
        "how pictures lie in memory; auto: what is quicker, on a processor always true",
    ] = "auto"
    compile: Annotated[
        Literal["auto", "true", "false"], "torch.compile; auto: where compiling pays back in this training"
    ] = "auto"
    feed: Annotated[
        Literal["auto", "memory", "stored", "streamed"],
        "where samples lie: in memory, prepared on the disk, or read for each batch; the batches are the same",
    ] = "auto"
    workers: Annotated[int | None, "processes that read samples, 0: none but this one; none: one a processor"] = None
    shard: Annotated[
        bool, "with several processes: each keeps a part of every parameter, for models that one has no memory for"
    ] = False
    export_best: Annotated[
        bool, "each new best as a verified file, in the background; its own score stands beside PyTorch's"
    ] = False

    def __post_init__(self) -> None:
        if self.lr is None:
            object.__setattr__(self, "lr", USUAL_RATE[self.optimizer])
        if self.weight_decay is None:
            object.__setattr__(self, "weight_decay", USUAL_DECAY[self.optimizer])
        self._check_names()
        for names, holds, words in _RULES:
            for name in names.split():
                value = getattr(self, name)
                if value is not None and not holds(value):
                    raise UsageError(f"trainer supervised: {name} must be {words}, not {value}")
        if self.nesterov and not self.momentum:
            raise UsageError("trainer supervised: nesterov needs a momentum above 0", hint="leave one of them out")
        if self.shard and self.optimizer == "muon":
            raise UsageError("trainer supervised: muon needs whole matrices, and with shard=true there are parts")
        if self.decay != "all" and not self.weight_decay:
            raise UsageError(
                f"trainer supervised: decay={self.decay} needs a weight_decay above 0", hint="-t weight_decay=0.01"
            )
        if self.warmup >= self.epochs and self.warmup:
            raise UsageError(
                f"trainer supervised: warmup takes {self.warmup} of {counted(self.epochs, 'epoch')}",
                hint="fewer epochs of warmup, or none",
            )

    def _check_names(self) -> None:
        """Raise UsageError for names that nothing has: before data are read that take their time."""
        from zoo_core.training import choose_augmentations, choose_class_weights, read_cadence

        read_cadence(self.checkpoint_every)
        choose_augmentations(self.augment, ())
        choose_class_weights(self.class_weights)

    @property
    def weighs_samples(self) -> bool:
        """Whether the loss has to be known sample by sample."""
        return bool(self.mixup or self.cutmix or self.class_weights != "none")


_RULES: tuple[tuple[str, Callable[[float], bool], str], ...] = (
    ("lr gamma clip", lambda value: value > 0, "above 0"),
    ("epochs batch_size step_size patience accumulate", lambda value: value >= 1, "1 or more"),
    ("weight_decay warmup mixup cutmix workers", lambda value: value >= 0, "0 or more"),
    ("layer_decay", lambda value: 0 < value <= 1, "above 0 and at most 1"),
    ("ema", lambda value: 0 < value < 1, "above 0 and below 1"),
    ("momentum label_smoothing small_first", lambda value: 0 <= value < 1, "from 0 to below 1"),
)
