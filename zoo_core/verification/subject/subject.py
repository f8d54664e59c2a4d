"""The subject of the check: the saved file, run by a child process that never imports torch."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from zoo_core.children.memory import NO_ROOM, default_memory_limit
from zoo_core.children.watch import Watch
from zoo_core.errors import NotVerifiedError, TemporaryFolderError
from zoo_core.files import CHOOSE_ANOTHER, temporary_folder
from zoo_core.utf8_paths import in_utf8

Array = NDArray[Any]

LEVELS = ("all", "none")
"""onnxruntime's default optimisation, and none."""

THOROUGH_LEVELS = ("all", "extended", "basic", "none")
_LEVEL_WORDS = {
    "all": "optimised",
    "extended": "extended optimisation",
    "basic": "basic optimisation",
    "none": "not optimised",
}
TIME_LIMIT_SECONDS = 1800

_waiting: ContextVar[list[subprocess.Popen[str]]] = ContextVar("children that wait for a job")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How onnxruntime is set up: an optimisation level and a number of threads (0: its own default)."""

    level: str
    threads: int = 0

    def __str__(self) -> str:
        text = _LEVEL_WORDS[self.level]
        return text if not self.threads else f"{text}, {self.threads} thread{'s' if self.threads > 1 else ''}"


When = Literal["always", "first", "later"]


@dataclass(frozen=True, kw_only=True)
class Group:
    """Rows to run, and how they are cut into batches (row numbers); `when`: under which settings, in their order."""

    name: str
    inputs: Mapping[str, Array] = field(repr=False)
    batches: Sequence[Sequence[int]] = field(repr=False)
    when: When = "always"

    def takes_part(self, setting: int) -> bool:
        """Whether it is run under the setting of that number."""
        return self.when == "always" or (self.when == "first") == (setting == 0)


@dataclass(frozen=True, kw_only=True)
class SubjectResult:
    """What the file computed: `outputs[setting, group name]` is one dictionary of arrays a batch, in order.

    `names` are the outputs in the file's order. `peak_memory`: the most that the child needed, in bytes; None where the
    operating system does not tell.
    """

    names: tuple[str, ...]
    peak_memory: int | None = None
    outputs: Mapping[tuple[Setting, str], tuple[dict[str, Array], ...]] = field(repr=False)


class SubjectError(NotVerifiedError):
    """The file could not be run: onnxruntime refused it, or the checking process died."""


DEFAULT_SETTINGS = tuple(Setting(level=level) for level in LEVELS)


def run_subject(
    model: Path,
    groups: Sequence[Group],
    *,
    settings: Sequence[Setting] = DEFAULT_SETTINGS,
    time_limit: float = TIME_LIMIT_SECONDS,
    memory_limit: int | None = None,
) -> SubjectResult:
    """Run every group under every setting in a child process; as `started_subject`, and waits for it."""
    with started_subject(model, groups, settings=settings, time_limit=time_limit, memory_limit=memory_limit) as result:
        return result()


@contextmanager
def started_subject(
    model: Path,
    groups: Sequence[Group],
    *,
    settings: Sequence[Setting] = DEFAULT_SETTINGS,
    time_limit: float = TIME_LIMIT_SECONDS,
    memory_limit: int | None = None,
) -> Iterator[Callable[[], SubjectResult]]:
    """Begin to run every group under every setting in a child process, one session after the other.

    Gives a function that waits for the result, so that something else can be done meanwhile; to leave without calling
    it ends the child. It raises SubjectError if the child does not end with exit code 0 within `time_limit` seconds and
    `memory_limit` bytes (default: nine tenths of what is available now): a killed child is a failure, never a pass.
    Memory that the child holds counts; the addresses that it reserves do not, of which onnxruntime takes many times
    what it needs, nor do files that it maps. On systems that do not tell (other than Linux) no memory is too much.
    """
    with temporary_folder("zoo-check-") as folder, in_utf8(Path(os.path.abspath(model))) as path:
        _write_job(folder, path, groups, settings)
        limit = default_memory_limit() if memory_limit is None else memory_limit
        # The child ends before the thread that watches it, whose end is waited for.
        with ThreadPoolExecutor(1) as watching, _child() as child:
            watch = watching.submit(_wait, child, folder, model.name, time_limit=time_limit, memory_limit=limit)

            def result() -> SubjectResult:
                errors = watch.result()
                if child.returncode == NO_ROOM:
                    raise TemporaryFolderError(
                        f"cannot write to the temporary folder {folder.parent}: {_why(NO_ROOM, errors)}",
                        hint=CHOOSE_ANOTHER,
                    )
                if child.returncode != 0:
                    raise SubjectError(f"{model.name} could not be run: {_why(child.returncode, errors)}")
                return _read_result(folder, groups, settings)

            yield result


@contextmanager
def children_ready(count: int) -> Iterator[None]:
    """Start `count` children beforehand, which load onnxruntime and wait; the next runs in this context take them.

    Those that nobody took are ended with it.
    """
    waiting: list[subprocess.Popen[str]] = []
    token = _waiting.set(waiting)
    try:
        waiting.extend(_started() for _ in range(count))
        yield
    finally:
        _waiting.reset(token)
        for child in waiting:
            _end(child)


def _wait(
    child: subprocess.Popen[str], folder: Path, model: str, *, time_limit: float, memory_limit: int | None
) -> str:
    """What the child wrote to stderr until it ended. Raises SubjectError, the child killed, if it needs too much."""
    watch = Watch(child, memory=memory_limit)
    with watch.step(time_limit):
        errors = child.communicate(json.dumps(str(folder)))[1]
    if watch.exceeded is not None:
        raise SubjectError(f"running {model} {watch.exceeded}")
    return errors


@contextmanager
def _child() -> Iterator[subprocess.Popen[str]]:
    """A child that waits for the folder of its job: one that is ready, or a new one."""
    waiting = _waiting.get([])
    child = waiting.pop() if waiting else _started()
    try:
        yield child
    finally:
        _end(child)


def _started() -> subprocess.Popen[str]:
    return subprocess.Popen(
        # -P: a file called onnxruntime.py where the user stands must not become the judge.
        [sys.executable, "-P", "-m", "zoo_core.verification.subject.subject_child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        start_new_session=True,  # Ctrl-C is for the parent, which ends it
    )


def _end(child: subprocess.Popen[str]) -> None:
    if child.poll() is None:
        child.kill()
    child.wait()
    for pipe in (child.stdin, child.stderr):
        if pipe is not None:
            with suppress(BrokenPipeError):  # what was not written yet has no reader any more
                pipe.close()


def _write_job(folder: Path, model: Path, groups: Sequence[Group], settings: Sequence[Setting]) -> None:
    job = {
        "model": str(model),
        "settings": [{"level": s.level, "threads": s.threads} for s in settings],
        "groups": [
            {
                "inputs": list(group.inputs),
                "batches": [list(map(int, batch)) for batch in group.batches],
                "settings": [number for number in range(len(settings)) if group.takes_part(number)],
            }
            for group in groups
        ],
    }
    (folder / "job.json").write_text(json.dumps(job))
    for number, group in enumerate(groups):
        for place, value in enumerate(group.inputs.values()):
            np.save(folder / f"in-{number}-{place}.npy", value, allow_pickle=False)


def _read_result(folder: Path, groups: Sequence[Group], settings: Sequence[Setting]) -> SubjectResult:
    names = tuple(json.loads((folder / "names.json").read_text()))
    outputs = {}
    for s, setting in enumerate(settings):
        for g, group in enumerate(groups):
            if not group.takes_part(s):
                continue
            outputs[setting, group.name] = tuple(
                {
                    name: np.load(folder / f"out-{s}-{g}-{b}-{place}.npy", allow_pickle=False)
                    for place, name in enumerate(names)
                }
                for b in range(len(group.batches))
            )
    usage = json.loads((folder / "usage.json").read_text())
    return SubjectResult(names=names, outputs=outputs, peak_memory=usage["peak_memory"])


def _why(code: int, errors: str) -> str:
    if code < 0:
        full = ", which a system does when it runs out of memory" if -code == signal.SIGKILL else ""
        return f"the checking process was killed by {signal.Signals(-code).name}{full}"
    lines = [line for line in errors.strip().splitlines() if line.strip()]
    return lines[-1] if lines else f"the checking process ended with exit code {code}"
