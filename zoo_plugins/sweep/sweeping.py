"""A sweep from its first trial to its last: who asks for trials, trains them, and ends those that are hopeless."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from zoo_core import UsageError, ZooError
from zoo_core.commands import counted

from .space import Space
from .store import Store, need_optuna
from .training import Trained, train_watched, try_options

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial

ARGUMENTS, METRIC, VALUE, EPOCHS, SECONDS, WHY = "arguments", "metric", "value", "epochs", "seconds", "why"
"""What is kept of a trial besides its values and its score."""

_TRIES = 3
"""So many trainings may fail, none before them having been finished, until a sweep is given up."""


@dataclass(kw_only=True)
class Sweep:
    """One process's part of a sweep; others may work on the same folder. `common`: what `zoo train` is told always."""

    store: Store
    space: Space
    common: Sequence[str]
    trials: int
    seed: int
    prune: bool
    processes: int
    progress: Callable[[str], None]
    _ending: threading.Event = field(default_factory=threading.Event)

    def run(self) -> Study:
        """Train until there are so many trials; what was begun and is nobody's now is gone on with first.

        Raises ZooError when the first trainings fail. Ctrl-C stops the trainings, which keep what they have.
        """
        asked = {"command": list(self.common), "space": self.space.to_json(), "seed": self.seed, "prune": self.prune}
        if self.store.remember(asked):
            self._try_corners()
        study = self.store.study()
        with ThreadPoolExecutor(self.processes) as pool:
            workers = [pool.submit(self._work, study) for _ in range(self.processes)]
            try:
                for worker in workers:
                    worker.result()
            finally:
                self._ending.set()
        return study

    def _try_corners(self) -> None:
        """Find what no training could be begun with. One whose numbers end is a trial that fails, and no more."""
        first, last = self.space.corners
        try:
            try:
                try_options([*self.common, *first])
            except ZooError as error:
                if isinstance(error, UsageError) or first == last:
                    raise
                with contextlib.suppress(ZooError):
                    try_options([*self.common, *last])
                    return
                raise
        except BaseException:
            self.store.forget()
            raise

    def _work(self, study: Study) -> None:
        try:
            for begun in _unfinished(study):
                self._in_turn(study, begun)
            while (number := self._next(study)) is not None:
                self._in_turn(study, number)
        except BaseException:
            self._ending.set()
            raise

    def _next(self, study: Study) -> int | None:
        """The number of a trial of our own, with its point of the space; None when there are enough."""
        with self.store.alone():
            number = len(study.get_trials(deepcopy=False))
            if self._ending.is_set() or number >= self.trials:
                return None
            # Of the number too, so that a sweep that was stopped goes on as if it had not been.
            study.sampler = need_optuna().samplers.TPESampler(seed=(self.seed + 7919 * number) % 2**32)
            trial = study.ask()
            trial.set_user_attr(ARGUMENTS, self.space.suggested(trial))
            return int(trial.number)

    def _in_turn(self, study: Study, number: int) -> None:
        if self._ending.is_set():
            return
        with self.store.held(number) as lock:
            if lock is not None:
                self._train(study, number, lock)

    def _train(self, study: Study, number: int, lock: IO[bytes]) -> None:
        kept = study.get_trials(deepcopy=False)[number]
        trial = need_optuna().trial.Trial(study, kept._trial_id)
        study.pruner = need_optuna().pruners.MedianPruner(n_warmup_steps=1)
        reported = set(kept.intermediate_values)
        hopeless = False

        def on_epoch(epoch: int, score: float) -> bool:
            nonlocal hopeless
            if epoch not in reported and score == score:
                reported.add(epoch)
                trial.report(score, epoch)
                hopeless = self.prune and trial.should_prune()
            return hopeless

        arguments = kept.user_attrs[ARGUMENTS]
        self.progress(f"trial {number}: {' '.join(arguments)}")
        trained = train_watched(
            self.store.run_name(number),
            [*self.common, *arguments],
            lock=lock,
            at_once=self.processes,
            on_epoch=on_epoch,
            is_ending=self._ending.is_set,
        )
        self._tell(study, trial, trained, hopeless=hopeless)

    def _tell(self, study: Study, trial: Trial, trained: Trained, *, hopeless: bool) -> None:
        states = need_optuna().trial.TrialState
        facts: Mapping[str, Any] = {
            METRIC: trained.metric,
            VALUE: trained.value,
            EPOCHS: trained.epochs,
            SECONDS: trained.seconds,
            WHY: trained.why,
        }
        for name, value in facts.items():
            trial.set_user_attr(name, value)
        reached = "" if trained.value is None else f"{trained.metric} {trained.value:.4f} "
        told = f"{reached}after {counted(trained.epochs, 'epoch')}"
        if trained.score is not None and trained.score == trained.score:
            study.tell(trial, trained.score)
            self.progress(f"trial {trial.number}: {told}")
        elif trained.stopped and hopeless:
            study.tell(trial, state=states.PRUNED)
            self.progress(f"trial {trial.number}: {told}, ended: below the median of the others")
        elif not trained.stopped:
            study.tell(trial, state=states.FAIL)
            self.progress(f"trial {trial.number} failed: {trained.why or 'its score is no number'}")
            _give_up_where_all_fail(study, trained)


def _unfinished(study: Study) -> list[int]:
    states = need_optuna().trial.TrialState
    return [int(each.number) for each in study.get_trials(deepcopy=False) if each.state == states.RUNNING]


def finished(study: Study) -> list[FrozenTrial]:
    """The trials that were trained to their end, the best first."""
    states = need_optuna().trial.TrialState
    done = [each for each in study.get_trials(deepcopy=False) if each.state == states.COMPLETE]
    return sorted(done, key=lambda each: (-(each.value or 0.0), each.number))


def _give_up_where_all_fail(study: Study, trained: Trained) -> None:
    states = need_optuna().trial.TrialState
    failed = study.get_trials(deepcopy=False, states=[states.FAIL])
    if not finished(study) and len(failed) >= _TRIES:
        kind = UsageError if trained.code == 2 else ZooError
        raise kind(f"the first {len(failed)} trainings all failed: {trained.why}", hint="see its options and the space")
