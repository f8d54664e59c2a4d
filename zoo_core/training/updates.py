"""From batches to steps of the optimizer: which batches share a step, how long a gradient may be, how long it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from .diverged import diverged

_LEAST_SCALE = 2.0**-8
"""Half precision has no numbers for gradients that are too large for it even at this part of their size."""


class Updates:
    """The steps of one optimizer.

    `accumulate`: batches whose gradients are put together before a step is taken, each by its number of samples, so
    that the step is that of one large batch; an epoch ends with a step. `clip`: the length that a gradient, of all
    parameters together, is shortened to where it is longer. `check(norm)` sees each length before the step is taken,
    and may raise.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        *,
        clip: float | None = None,
        accumulate: int = 1,
        length: Callable[[Tensor], Tensor] = lambda norm: norm,
    ) -> None:
        """`length`: makes a length of that of gradients of which this process has a part."""
        self.optimizer, self._length = optimizer, length
        self.clip = clip
        self.accumulate = accumulate
        self.scaler: torch.amp.GradScaler | None = None
        """What keeps small gradients from becoming none in half precision."""
        self._sizes: Sequence[int] = ()
        self._batch = 0
        self._norms: list[Tensor] = []

    def begin(self, sizes: Sequence[int]) -> None:
        """An epoch of batches with so many samples each begins."""
        self._sizes, self._batch, self._norms = sizes, 0, []

    def before_batch(self) -> None:
        """The gradients of an earlier step go."""
        if self._batch % self.accumulate == 0:
            self.optimizer.zero_grad()

    def backward(self, loss: Tensor, *, part: float = 1.0) -> None:
        """The gradient of a batch, as its part of the step; `part`: what the loss counts for in the batch's own."""
        part *= self._part()
        own = loss if part == 1.0 else loss * part
        (own if self.scaler is None else self.scaler.scale(own)).backward()  # type: ignore[no-untyped-call]

    def after_batch(self, *, check: Callable[[Tensor], None] = lambda norm: None) -> None:
        """The step, where it is time for one."""
        self._batch += 1
        if not self.stepped:
            return
        if self.scaler is not None:
            self.scaler.unscale_(self.optimizer)
        gradients = [each.grad for each in self._parameters() if each.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        length = self._length(norm)
        if self.scaler is None:  # which leaves out a step whose gradients are too large for it, and scales less
            check(length)
        self._norms.append(length)
        if self.clip is not None:
            torch.nn.utils.clip_grads_with_norm_(self._parameters(), self.clip, norm)
        self._step()

    @property
    def will_step(self) -> bool:
        """Whether a step is taken after the next batch."""
        return (self._batch + 1) % self.accumulate == 0 or self._batch + 1 == len(self._sizes)

    @property
    def stepped(self) -> bool:
        """Whether a step was taken after the last batch."""
        return self._batch % self.accumulate == 0 or self._batch == len(self._sizes)

    @property
    def done(self) -> int:
        """Steps that were taken in this epoch."""
        return -(-self._batch // self.accumulate)

    @property
    def in_epoch(self) -> int:
        """Steps of a whole epoch."""
        return -(-len(self._sizes) // self.accumulate)

    def norms(self) -> tuple[float, float] | None:
        """The mean and the largest length of this epoch's gradients, before they were shortened; None for no step."""
        if not self._norms:
            return None
        norms = torch.stack(self._norms).double()
        if self.scaler is not None and not len(norms := norms[torch.isfinite(norms)]):
            if self.scaler.get_scale() < _LEAST_SCALE:
                raise diverged("no gradient is a number in fp16, however little the loss is scaled", where="an epoch")
            return None
        return float(norms.mean()), float(norms.max())

    def state(self) -> dict[str, Any]:
        """How far the epoch is, as values that `packing` takes apart; only after a step, when no gradient waits."""
        if not self.stepped:
            raise ValueError("between two steps there are gradients, which are not kept")
        return {"batch": self._batch, "norms": torch.stack(self._norms) if self._norms else None}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on within the epoch that has begun."""
        norms = state["norms"]
        self._batch, self._norms = state["batch"], [] if norms is None else list(norms)

    def _step(self) -> None:
        if self.scaler is None:
            self.optimizer.step()
            return
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def _parameters(self) -> list[Tensor]:
        return [parameter for group in self.optimizer.param_groups for parameter in group["params"]]

    def _part(self) -> float:
        if self.accumulate == 1 or not self._sizes:
            return 1.0
        first = self._batch - self._batch % self.accumulate
        return self._sizes[self._batch] / sum(self._sizes[first : first + self.accumulate])
