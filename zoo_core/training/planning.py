"""Before the first step: what `auto` comes to for this training on this machine, tried on copies of its module."""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch

from zoo_core.errors import in_words
from zoo_core.records import counted

from .capabilities import native_half, settle_threads, why_no_compiler
from .freezing import train_mode
from .numerics import Numerics
from .placement import generator_states, restore_generators
from .training_plan import TrainingPlan, Wishes

if TYPE_CHECKING:
    from .loop import Loop

_TIMED = 3
"""Steps that are timed, of which the quickest counts; one before them does not."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When something is worth a try: with so many steps and seconds left, so many seconds for code that has to be
    compiled; and when it is taken: where it is so many times as fast."""

    steps: int
    seconds: float
    compiling: float
    gain: float


LIMITS = {
    # On a processor another plan than ever changes the last digits: only where it saves hours.
    "cpu": Limits(steps=200, seconds=3600.0, compiling=3600.0, gain=1.3),
    "cuda": Limits(steps=100, seconds=30.0, compiling=600.0, gain=1.1),
}


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What a step takes, and what the first one took, in seconds; or why it could not be tried."""

    step: float = 0.0
    first: float = 0.0
    problem: str = ""


def settle_plan(loop: Loop, wishes: Wishes | None) -> None:
    """From now on the loop computes as is asked for; as ever where nothing is."""
    if wishes is None:
        return
    plan = plan_for(loop, wishes)
    loop.numerics.follow(plan)
    loop.numerics.lay_out(loop.feed, loop.validation)
    loop.updates.scaler = scaler = loop.numerics.scaler()
    if scaler is not None and loop.job.state is not None and loop.job.state.scaler:
        scaler.load_state_dict(dict(loop.job.state.scaler))
    loop.job.on_plan(plan)


def plan_for(loop: Loop, wishes: Wishes, *, limits: Mapping[str, Limits] = LIMITS) -> TrainingPlan:
    """The plan of a training with this loop. Its module, and where generators stand, are as they were. `limits`: by the
    kind of the device; what is not named computes as ever."""
    job = loop.job
    # What goes on without saying how it began, began before there were plans.
    asked = {**dataclasses.asdict(wishes), **(_as_ever(wishes) if job.state is not None else {})}
    base = TrainingPlan(
        device=job.device,
        threads=settle_threads(job.device),
        feed=(job.train.feed or "memory").removeprefix("Feed: "),
        pictures=any(parameter.ndim == 4 for parameter in job.module.parameters()),
    )
    planner = Planner(loop, base, limits.get(torch.device(job.device).type))
    planner.choose_precision(asked["precision"])
    planner.choose_layout(asked["channels_last"])
    planner.choose_code(asked["compile"])
    return planner.plan


def _as_ever(wishes: Wishes) -> dict[str, str]:
    return {name: value for name, value in TrainingPlan().options.items() if getattr(wishes, name) == "auto"}


class Planner:
    """Makes one decision after the other, each on top of those before it."""

    def __init__(self, loop: Loop, base: TrainingPlan, limits: Limits | None) -> None:
        self._loop = loop
        self.plan = base
        self._kind = torch.device(loop.job.device).type
        self._limits = limits
        epochs = loop.job.epochs - len(loop.rows)
        self._steps = epochs * loop.feed.steps
        self._length = f"{counted(epochs, 'epoch')} of {counted(loop.feed.steps, 'step')}"
        self._now: Tried | None = None
        """What the plan takes as it is so far."""

    def choose_precision(self, asked: str) -> None:
        """Half precision where it is native and pays."""
        half = native_half(self._loop.job.device)
        if asked == "fp32":
            return
        if asked != "auto":
            native = asked == half or (self._kind == "cuda" and asked == "fp16")
            self._take({"precision": asked}, {} if native else {asked: "not native here, slow"})
            return
        self._try(half or "bf16", {"precision": half}, problem="" if half else "not native here")

    def choose_layout(self, asked: str) -> None:
        """Channels last, as ever; on an accelerator channels first where that pays."""
        first = {"channels_last": False}
        if asked == "false":
            self._take(first)
        elif asked == "auto" and self._kind != "cpu" and self.plan.pictures and self._is_long():
            self._try("channels first", first)

    def choose_code(self, asked: str) -> None:
        """Compiled code where compiling pays back."""
        job, compiled = self._loop.job, {"compile": True}
        if asked == "true":
            self._take(compiled)
        elif asked == "auto":
            own = "" if job.losses is None else "the model computes its losses itself"
            self._try("compile", compiled, problem=own or why_no_compiler(job.device))

    def _take(self, changes: Mapping[str, Any], why: Mapping[str, str] = MappingProxyType({})) -> None:
        self.plan = dataclasses.replace(self.plan, **changes, why={**self.plan.why, **why})

    def _try(self, called: str, changes: dict[str, Any], *, problem: str = "") -> None:
        """Take the changes where they can be had, there is enough to do, and they are quicker by enough."""
        if problem:
            self._take({}, {called: problem})
        elif self._together():
            self._take({}, {called: "not tried by several processes"})
        elif self._limits is None or not self._is_long(compiling="compile" in changes):
            self._take({}, {called: f"not worth it for {self._length}"})
        else:
            self._compare(called, changes, gain=self._limits.gain)

    def _compare(self, called: str, changes: dict[str, Any], *, gain: float) -> None:
        now, other = self._as_it_is(), tried(self._loop, dataclasses.replace(self.plan, **changes))
        if other.problem:
            self._take({}, {called: f"fails here, {other.problem}"})
            return
        told = f"{now.step / other.step:.2f} times as fast"
        if is_worth(now, other, steps=self._steps, gain=gain, compiled="compile" in changes):
            self._take(changes, {called: told})
            self._now = other
        else:
            self._take({}, {called: f"{told}, not taken"})

    def _is_long(self, *, compiling: bool = False) -> bool:
        """Whether there is so much left to do that a try is worth its time."""
        limits = self._limits
        if limits is None or self._steps < limits.steps or self._together():
            return False
        now = self._as_it_is()
        return not now.problem and self._steps * now.step >= (limits.compiling if compiling else limits.seconds)

    def _as_it_is(self) -> Tried:
        if self._now is None:
            self._now = tried(self._loop, self.plan)
        return self._now

    @staticmethod
    def _together() -> bool:
        """Several processes would decide by what each of them measures."""
        return torch.distributed.is_available() and torch.distributed.is_initialized()


def is_worth(now: Tried, other: Tried, *, steps: int, gain: float, compiled: bool) -> bool:
    """Whether so many steps are better done the other way. What is `compiled` for a try is compiled again for the
    training: after that at least as much must be saved as both take."""
    saved = steps * (now.step - other.step)
    return now.step >= gain * other.step and (not compiled or saved >= 4 * other.first)


def tried(loop: Loop, plan: TrainingPlan) -> Tried:
    """Some steps by that plan, forward and back, on a copy of the module and with batches of the training."""
    job, states = loop.job, generator_states(loop.job.device)
    try:
        trial = copy.copy(loop)
        trial.job = dataclasses.replace(job, module=copy.deepcopy(job.module), run=None)
        trial.module, trial.watch = trial.job.module, None
        trial.feed = copy.copy(loop.feed)
        trial.numerics = Numerics(trial.job, plan)
        trial.numerics.lay_out(trial.feed)
        train_mode(trial.module)
        batches = trial.feed.shuffled(seed=job.seed, epoch=len(loop.rows) + 1)
        batch = next(batches)
        times = [_seconds(trial, batch) for _ in range(1 + _TIMED)]
    except Exception as error:  # noqa: BLE001 no attempt to be quicker ends a training
        return Tried(problem=in_words(error)[:80])
    finally:
        restore_generators(states, job.device)
    return Tried(first=times[0], step=min(times[1:]))


def _seconds(trial: Loop, batch: Any) -> float:
    started = time.perf_counter()
    trial.module.zero_grad()
    _, loss = trial.outputs_and_loss(*batch)
    loss.backward()  # type: ignore[no-untyped-call]
    if loss.is_cuda:
        torch.cuda.synchronize(loss.device)
    return time.perf_counter() - started
