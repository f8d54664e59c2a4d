"""A resume certificate: a run is trained once more, killed again and again, and must end with the same bits."""

from __future__ import annotations

import contextlib
import dataclasses
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from zoo_core.errors import NotVerifiedError, UsageError, ZooError
from zoo_core.files import sha256_of
from zoo_core.offer_lookup import recorded_entry
from zoo_core.records import ResumeCertificate, RunInfo, counted, to_plain
from zoo_core.registry import Zoo
from zoo_core.replacing import scratch
from zoo_core.shelf import RUNS, find_run, is_run, spelled
from zoo_core.training.directory import STATE_FILE, WEIGHTS_FILE, RunDirectory, read_info, read_rows
from zoo_core.training.epoch_rows import TIMED
from zoo_core.training.run_card import model_card
from zoo_core.training.run_pictures import older_pictures_of, pictures_of

CHECKPOINTS = 4
"""Times that a training is saved, at the least, between two kills, so that they fall within epochs too."""

_LOOK_SECONDS = 0.002


def check_provable(asked: Mapping[str, Any]) -> None:
    """Raise UsageError, before anything is trained, for a training that a second one cannot repeat from its start."""
    if asked["dry_run"]:
        raise UsageError("a dry run leaves no run, whose resumption could be proved", hint="leave out --prove-resume")
    if asked["resume"] and (asked["epochs"] is not None or asked["accept_changes"]):
        raise _several_legs("the run")
    if asked["resume"] and asked["run"] is not None and is_run(path := find_run(asked["run"])):
        _check_legs(read_info(path))


def prove_resume(zoo: Zoo, path: Path, *, kills: int, on_note: Callable[[str], None]) -> RunInfo:
    """The record of the finished run in `path` with its certificate, which its card has too.

    Raises NotVerifiedError where the second training ends otherwise, ZooError where it fails.
    """
    info, directory = read_info(path), RunDirectory(path)
    _check_legs(info)
    info = dataclasses.replace(info, resume_certificate=_certificate(path, info, kills=kills, on_note=on_note))
    with directory.lock():
        directory.write_info(info)
        directory.write_card(_card(zoo, path, info))
    if info.resume_certificate is not None and (differs := info.resume_certificate.differs):
        raise NotVerifiedError(
            f"run {info.name!r} does not resume exactly: killed {counted(kills, 'time')}, it ends with other values of "
            f"{' and '.join(differs)}",
            hint="something draws numbers that are not seeded by (seed, epoch, sample), or an accelerator adds up in "
            "another order each time; the run itself is whole",
        )
    return info


def _check_legs(info: RunInfo) -> None:
    if info.legs[1:]:
        raise _several_legs(f"run {info.name!r}")


def _several_legs(run: str) -> UsageError:
    return UsageError(
        f"{run} goes on otherwise than it was begun, so no second training can repeat it from its start",
        hint="leave out --prove-resume, or train again with it: zoo train --like RUN",
    )


def _card(zoo: Zoo, path: Path, info: RunInfo) -> str:
    model = zoo.model(recorded_entry(zoo, "model", info.model, plugin=info.model_plugin).qualified)
    dataset = zoo.dataset(recorded_entry(zoo, "dataset", info.dataset, plugin=info.dataset_plugin).qualified)
    return model_card(
        info,
        called=spelled("run", info.name, kinds=("run", "model", "dataset"), zoo=zoo),
        epochs=len(read_rows(path)),
        model=model.spec,
        dataset=dataset.spec,
        pictures=pictures_of(path),
        older=older_pictures_of(path),
    )


def _certificate(path: Path, info: RunInfo, *, kills: int, on_note: Callable[[str], None]) -> ResumeCertificate:
    """Train the finished run in `path` once more, in processes of their own that are killed so many times.

    Raises ZooError where one of them fails, or all of it is over before it can be killed.
    """
    seconds = info.seconds or 0.0
    on_note(f"To prove that it resumes exactly, it is trained once more, and killed {counted(kills, 'time')}")
    drawn = np.random.default_rng(info.seed)
    with scratch(RUNS, ".proof-") as folder:
        again = folder / folder.name.lstrip(".")  # a name of its own: whoever hears of it looks for it by that
        RunDirectory(again).create(_as_begun(info))
        command = _command(info, again, seconds=seconds / (CHECKPOINTS * (kills + 1)))
        found: list[str] = []
        for _ in range(kills):
            if (where := _killed(command, again, after=drawn.uniform(0, seconds / kills))) is None:
                break
            found.append(where)
            on_note(f"Killed: it goes on after {where}")
        if read_info(again).status == "unfinished":
            _finish(command)
        if not found:
            raise ZooError(
                f"run {info.name!r} was over before it could be killed",
                hint="a longer training can be proved: --epochs",
            )
        return ResumeCertificate(
            resumed_after=tuple(found),
            sha256=sha256_of(path / WEIGHTS_FILE),
            differs=tuple(_differing(path, again)),
        )


def _as_begun(info: RunInfo) -> RunInfo:
    """The record of the run as it was before its first step."""
    first = dataclasses.replace(info, status="unfinished", best_epoch=None, seconds=None, validation={}, test=None)
    first = dataclasses.replace(first, beats_chance=None, remarks=(), task_settings={}, resume_certificate=None)
    first = dataclasses.replace(first, best_export=None)
    return dataclasses.replace(first, legs=info.legs[:1])


def _command(info: RunInfo, path: Path, *, seconds: float) -> list[str]:
    words = ["train", info.model, "--dataset", info.dataset, "--run", str(path), "--resume"]
    often = ["-t", f"checkpoint_every={max(0.05, seconds):.2f}s"] if "checkpoint_every" in info.config else []
    alone = ["-t", "export_best=false"] if "export_best" in info.config else []
    return [sys.executable, "-P", "-m", "zoo_core", *words, *often, *alone]


def _killed(command: list[str], path: Path, *, after: float) -> str | None:
    """Go on with the run and kill that, so many seconds after it was first saved; how far its checkpoint is then. None
    where it ends before."""
    before = _written(path)
    with _started(command) as child:
        while _written(path) == before:
            if child.poll() is not None:
                return None
            time.sleep(_LOOK_SECONDS)
        try:
            child.communicate(timeout=after)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()  # until the process that does the work is gone as well
            state = RunDirectory(path).last_good()[0]
            return None if state is None else state.where
    return None


def _written(path: Path) -> int:
    with contextlib.suppress(OSError):
        return (path / STATE_FILE).stat().st_mtime_ns
    return 0


@contextlib.contextmanager
def _started(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
        try:
            yield child
        finally:
            if child.poll() is None:
                child.kill()


def _finish(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode:
        last = [line for line in done.stderr.splitlines() if line.strip()][-2:]
        raise ZooError(f"the second training ends with exit code {done.returncode}: {' '.join(last)}")


def _differing(path: Path, again: Path) -> Iterator[str]:
    if sha256_of(path / WEIGHTS_FILE) != sha256_of(again / WEIGHTS_FILE):
        yield "weights"
    if _rows(path) != _rows(again):
        yield "metrics of its epochs"
    if to_plain(read_info(path).test) != to_plain(read_info(again).test):
        yield "metrics on the test part"


def _rows(path: Path) -> list[dict[str, Any]]:
    left_out = {*TIMED, "exported"}  # the second training makes no files
    return [{name: value for name, value in row.to_json().items() if name not in left_out} for row in read_rows(path)]
