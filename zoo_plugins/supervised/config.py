"""The options of the supervised trainer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from zoo_core import UsageError

USUAL_RATE = {"sgd": 0.01, "adam": 0.001, "adamw": 0.005, "adadelta": 1.0, "muon": 0.01}
USUAL_DECAY = {"sgd": 0.0, "adam": 0.0, "adamw": 0.01, "adadelta": 0.0, "muon": 0.1}


@dataclass(frozen=True, kw_only=True)
class SupervisedConfig:
    """How to train. `lr` and `weight_decay` left at none become what is usual for the optimizer.

    `momentum` is for sgd and muon, `nesterov` for sgd; `step_size` (epochs) and `gamma` for the step schedule; `warmup`
    in epochs; `patience`: epochs without a better validation result before training stops. `augment`: "usual" (what the
    dataset allows), "none", some of flip, crop, affine, color, or "usual,-crop" and the like. `small_first`: part of
    the epochs, the first ones, in which pictures have five eighths and then three quarters of their side, for models
    that take any size. `loss`: "usual" (the task's, or the model's own), cross-entropy, bce, dice, focal, or a sum such
    as bce+dice.
    """

    epochs: int = 20
    batch_size: int = 64
    optimizer: Literal["sgd", "adam", "adamw", "adadelta", "muon"] = "adamw"
    lr: float | None = None
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float | None = None
    schedule: Literal["constant", "step", "cosine", "one-cycle"] = "one-cycle"
    step_size: int = 10
    gamma: float = 0.1
    warmup: int = 0
    patience: int | None = None
    label_smoothing: float = 0.0
    augment: str = "usual"
    small_first: float = 0.0
    loss: str = "usual"

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
        if self.warmup >= self.epochs and self.warmup:
            raise UsageError(
                f"trainer supervised: warmup takes {self.warmup} of {self.epochs} epochs",
                hint="fewer epochs of warmup, or none",
            )

    def _check_names(self) -> None:
        """Raise UsageError for names that nothing has: before data are read that take their time."""
        from zoo_core.training import choose_augmentations, choose_losses

        choose_augmentations(self.augment, ())
        if self.loss != "usual":
            choose_losses(self.loss)


_RULES: tuple[tuple[str, Callable[[float], bool], str], ...] = (
    ("lr gamma", lambda value: value > 0, "above 0"),
    ("epochs batch_size step_size patience", lambda value: value >= 1, "1 or more"),
    ("weight_decay warmup", lambda value: value >= 0, "0 or more"),
    ("momentum label_smoothing small_first", lambda value: 0 <= value < 1, "from 0 to below 1"),
)
