"""One trial: `zoo train` in a process of its own, whose epochs are read as they come, and which is ended when asked."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Any

from zoo_core import UsageError, ZooError, load_run
from zoo_core.commands import shell_word, usable_processors, usual_folder

LOOK_SECONDS = 0.3
_STOP_SECONDS = 60.0
"""For a training to save what it has when it is asked to stop."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """How a training ended. `score`: of its best epoch, more is better; None unless it is finished. `why`: what it said
    last where it failed. `stopped`: because it was asked to."""

    score: float | None = None
    metric: str = ""
    value: float | None = None
    epochs: int = 0
    seconds: float = 0.0
    why: str = ""
    code: int = 0
    stopped: bool = False


def try_options(arguments: Sequence[str]) -> None:
    """One batch through a training of these arguments. Raises ZooError with what it says where it fails, UsageError
    where it was typed wrong."""
    with _training([*arguments, "--dry-run"], lock=None, at_once=1) as (process, said):
        if code := process.wait():
            kind = UsageError if code == 2 else ZooError
            hint = f"zoo train {' '.join(map(shell_word, arguments))} --dry-run tells more; nothing was kept"
            raise kind(f"no training can be begun: {_last(said)}", hint=hint)


def train_watched(
    run: str,
    arguments: Sequence[str],
    *,
    lock: IO[bytes] | None,
    at_once: int,
    on_epoch: Callable[[int, float], bool],
    is_ending: Callable[[], bool],
) -> Trained:
    """Train to the end, or go on with the run where it is unfinished.

    `on_epoch` is told each epoch with its score, and says whether the training is hopeless and shall end. The process
    holds `lock` too, so that nobody trains the same run where only this process was killed. `at_once`: so many
    trainings share the processors.
    """
    if _is_finished(run):
        return _ended(run, stopped=False)
    told, stopped = 0, False
    asked = ["--resume"] if _exists(run) else list(arguments)
    with _training([*asked, "--run", run], lock=lock, at_once=at_once) as (process, said):
        while process.poll() is None and not stopped:
            time.sleep(LOOK_SECONDS)
            scores, left = _so_far(run)
            hopeless = [on_epoch(epoch, score) for epoch, score in scores[told:]]  # each is told, whatever comes of it
            stopped = is_ending() or (any(hopeless) and left > 0)
            told = len(scores)
        if stopped:
            _stop(process)
        code = process.wait()
        why = _last(said)
    scores, _ = _so_far(run)
    for epoch, score in scores[told:]:
        on_epoch(epoch, score)
    if code and not stopped:
        return Trained(why=why, code=code)
    return _ended(run, stopped=stopped and code != 0)


def _ended(run: str, *, stopped: bool) -> Trained:
    if not _exists(run):
        return Trained(stopped=stopped)
    found = load_run(run)
    info = found.info
    value = info.validation.get(info.metric)
    finished = info.status == "finished"
    return Trained(
        score=_signed(info.selection, value) if finished and value is not None else None,
        metric=info.metric,
        value=value,
        epochs=len(found.rows),
        seconds=sum(row.seconds for row in found.rows),
        stopped=stopped,
    )


def _exists(run: str) -> bool:
    return (usual_folder("run") / run / "run.json").is_file()


def _is_finished(run: str) -> bool:
    return _exists(run) and load_run(run).info.status == "finished"


def _so_far(run: str) -> tuple[list[tuple[int, float]], int]:
    """The score of each epoch so far, and how many are left; none while the run cannot be read."""
    try:
        found = load_run(run)
        selection = found.info.selection
        metric = selection.removeprefix("-")
        scores = [(row.epoch, _signed(selection, row.validation[metric])) for row in found.rows]
        return scores, found.info.epochs - len(scores)
    except (ZooError, KeyError):
        return [], 0


def _signed(selection: str, value: float) -> float:
    return -value if selection.startswith("-") else value


@contextlib.contextmanager
def _training(arguments: Sequence[str], *, lock: IO[bytes] | None, at_once: int) -> Any:
    environment = {**os.environ, "NO_COLOR": "1"}
    if at_once > 1:
        environment.setdefault("OMP_NUM_THREADS", str(max(1, usable_processors() // at_once)))
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "zoo_core", "train", *arguments, "--json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            env=environment,
            pass_fds=() if lock is None else (lock.fileno(),),
            start_new_session=True,  # Ctrl-C is for the sweep, which asks each training to stop
        )
        try:
            yield process, said
        finally:
            if process.poll() is None:
                _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask all processes of a training to save and end: that which trains is not always the first. Not by SIGINT, which
    nobody hears in what a script has started in the background."""
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _last(said: IO[bytes]) -> str:
    """The error that a command ended with, without its word "Error"; else the last line."""
    said.seek(0)
    lines = said.read()[-20_000:].decode(errors="replace").strip().splitlines() or ["it says nothing"]
    errors = [line for line in lines if line.startswith("Error: ")]
    return (errors or lines)[-1].removeprefix("Error: ")
