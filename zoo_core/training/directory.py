"""The run directory while it is written: record, epochs, best weights, checkpoint, each atomically."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core.bounded_json import load_json
from zoo_core.errors import UsageError, ZooError
from zoo_core.file_limits import MAX_ROWS_BYTES
from zoo_core.files import (
    clear_io_errors,
    json_text,
    keep_before,
    plain_file,
    read_json,
    remove_abandoned,
    write_atomic,
)
from zoo_core.locks import held
from zoo_core.records import EpochRow, RunInfo, to_plain
from zoo_core.replacing import building
from zoo_core.shelf import is_free

from .epoch_rows import read_row, with_files_known
from .record_reading import info_from
from .record_seal import record_hashes

if TYPE_CHECKING:
    from torch import Tensor

    from .state import TrainState

RUN_FILE = "run.json"
ROWS_FILE = "metrics.jsonl"
WEIGHTS_FILE = "weights.safetensors"
STATE_FILE = "last/state.safetensors"
BEFORE_FILE = "last/before.safetensors"
"""The checkpoint before that, while a run is under way."""
CARD_FILE = "README.md"
PLOTS = "plots"
_LOCK = ".lock"


@dataclasses.dataclass(frozen=True)
class RunDirectory:
    """Writes one run's files. Nothing here is ever half-written: each file is replaced as a whole."""

    path: Path

    def create(self, info: RunInfo) -> None:
        """Make the folder, which has its `run.json` from the first moment.

        Raises UsageError if there is something of that name.
        """
        taken = UsageError(
            f"{self.path} exists", hint="another name with --run, or --resume to continue an unfinished run"
        )
        with building(self.path, busy=taken) as folder:
            RunDirectory(folder).write_info(info)
            if not is_free(self.path):
                raise taken
            shutil.rmtree(self.path, ignore_errors=True)
            folder.rename(self.path)

    def write_info(self, info: RunInfo) -> None:
        """Replace `run.json`."""
        write_atomic(self.path / RUN_FILE, json_text(info.to_json()))

    def write_rows(self, rows: Sequence[EpochRow]) -> None:
        """Replace `metrics.jsonl`: one line an epoch. What is known there of files of the same weights stays."""
        lines = [json.dumps(row.to_json(), allow_nan=False) for row in with_files_known(rows, self._rows())]
        write_atomic(self.path / ROWS_FILE, "".join(f"{line}\n" for line in lines))

    def write_card(self, text: str) -> None:
        """Replace the model card."""
        write_atomic(self.path / CARD_FILE, text)

    def drop_card(self) -> None:
        """Remove the model card, if there is one: it tells of a run that has ended."""
        (self.path / CARD_FILE).unlink(missing_ok=True)

    def save_best(self, weights: Mapping[str, Tensor], *, row: EpochRow) -> None:
        """Replace the best weights by those of epoch `row`."""
        from .checkpoint import save_tensors

        facts: dict[str, Any] = {"epoch": row.epoch, "validation": to_plain(row.validation)}
        if (info := self._info()) is not None:
            facts["record"] = record_hashes(info)
        save_tensors(self.path / WEIGHTS_FILE, weights, facts=facts)

    def save_state(self, state: TrainState, *, selection: str) -> None:
        """Replace what a resumed run starts from; it says with which record and plugins, as the run's record does.

        What there was is kept beside it: no damage to one file takes more than the steps between the two.
        """
        from .state import save_state

        if (info := self._info()) is not None:
            state = dataclasses.replace(
                state, record=record_hashes(info), plugins=info.legs[-1].plugins if info.legs else state.plugins
            )
        keep_before(self.path / STATE_FILE, self.path / BEFORE_FILE)
        save_state(self.path / STATE_FILE, state, selection=selection)
        if state.shards is not None:
            self._drop_shards()

    def write_exported(self, epoch: int, scores: Mapping[str, float]) -> None:
        """Add what the file of an epoch scores to its line."""
        rows = [dataclasses.replace(row, exported=scores) if row.epoch == epoch else row for row in self._rows()]
        self.write_rows(rows)

    def _rows(self) -> tuple[EpochRow, ...]:
        with contextlib.suppress(ZooError):  # what is damaged is replaced
            return read_rows(self.path)
        return ()

    def _info(self) -> RunInfo | None:
        return read_info(self.path) if (self.path / RUN_FILE).exists() else None

    def read_state(self) -> TrainState | None:
        """What a resumed run starts from, if it is whole; None if the run was stopped before there was any."""
        from .state import read_state

        return read_state(self.path / STATE_FILE) if (self.path / STATE_FILE).exists() else None

    def last_good(self) -> tuple[TrainState | None, str]:
        """What a resumed run starts from, or what there was before it where that is damaged or gone; and what is wrong
        with it, in words. None where there is nothing. Raises ZooError where nothing of what is there can be read."""
        from .state import read_state

        problem = ""
        try:
            if (state := self.read_state()) is not None or not (self.path / BEFORE_FILE).exists():
                return state, ""
        except ZooError as error:
            if not (self.path / BEFORE_FILE).exists():
                raise
            problem = error.message
        return read_state(self.path / BEFORE_FILE), problem or f"checkpoint {self.path / STATE_FILE} is missing"

    def settled(self, *, drop_before: bool = False) -> TrainState | None:
        """As `last_good`, where this process has the run: what is damaged is replaced by the one before, which is
        removed where that is asked for. A run that goes on otherwise than it was begun has no way back."""
        state, problem = self.last_good()
        if problem:
            with clear_io_errors("cannot write", self.path / STATE_FILE):
                os.replace(self.path / BEFORE_FILE, self.path / STATE_FILE)
        if drop_before:
            self.drop_before()
        return state

    @property
    def saved(self) -> tuple[int, int] | None:
        """Epochs behind a resumed run, and batches of the one that it goes on with, if its checkpoint is whole."""
        from .safetensors_header import facts_of

        try:
            facts = facts_of(self.path / STATE_FILE)
        except (OSError, ValueError, ZooError):
            return None
        rows, part = facts.get("rows"), facts.get("part")
        batches = part.get("batches") if isinstance(part, dict) else None
        return (len(rows), batches if isinstance(batches, int) else 0) if isinstance(rows, list) else None

    @property
    def is_held(self) -> bool:
        """Whether a process has the run, or has had it when it was killed: then even a finished one lacks something."""
        return (self.path / _LOCK).exists()

    def drop_before(self) -> None:
        """Remove the checkpoint before the last one: the run has ended, or goes on as it did not before."""
        (self.path / BEFORE_FILE).unlink(missing_ok=True)
        self._drop_shards()

    def _drop_shards(self) -> None:
        """Remove parts of checkpoints that are of none of those that are there."""
        from .safetensors_header import facts_of

        named = set()
        for file in (self.path / STATE_FILE, self.path / BEFORE_FILE):
            with contextlib.suppress(OSError, ValueError, ZooError):
                named.add((facts_of(file).get("shards") or {}).get("folder"))
        for folder in (self.path / STATE_FILE).parent.glob("shards-*"):
            if folder.name not in named:
                shutil.rmtree(folder, ignore_errors=True)

    @property
    def has_state(self) -> bool:
        """Whether there is what a resumed run starts from; without it the run begins again."""
        return any((self.path / name).exists() for name in (STATE_FILE, BEFORE_FILE))

    @property
    def has_epoch(self) -> bool:
        """Whether an epoch has left weights, or its row."""
        return any((self.path / name).exists() for name in (WEIGHTS_FILE, ROWS_FILE))

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left: neither of an epoch, nor what a resumed run starts from."""
        return not (self.has_state or self.has_epoch)

    def remove(self, *, busy: ZooError | None = None) -> None:
        """Remove the run, which is gone as a whole or not at all.

        Raises `busy` if another process is replacing it, ZooError if one is training it, or it cannot be removed.
        """
        busy = busy or ZooError(f"{self.path} is being replaced by another process", hint="wait for it")
        with building(self.path, busy=busy) as removed, self.lock(), clear_io_errors("cannot remove", self.path):
            self.path.rename(removed / self.path.name)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run for this process. Raises ZooError if another one is training it right now.

        The operating system lets go of the lock when the process ends, however it ends.
        """
        busy = ZooError(f"run {self.path.name!r} is being trained by another process", hint="wait for it, or stop it")
        with contextlib.ExitStack() as holding:
            with clear_io_errors("cannot write", self.path / _LOCK):
                holding.enter_context(held(self.path / _LOCK, busy=busy))
            for folder in (self.path, (self.path / STATE_FILE).parent, self.path / PLOTS):
                remove_abandoned(folder)
            yield


def read_info(path: Path) -> RunInfo:
    """The `run.json` in folder `path`. Raises ZooError when it is missing, damaged or of another schema."""
    file = path / RUN_FILE
    data = read_json(file, what="the run's record")
    return info_from(data, file)


def read_rows(path: Path) -> tuple[EpochRow, ...]:
    """The epochs of the run in `path`; none if there is no file yet. Raises ZooError when it is damaged."""
    file = path / ROWS_FILE
    if not file.exists():
        return ()
    rows = []
    too_large = ZooError(f"{file} has over {MAX_ROWS_BYTES >> 20} MB, more than is read", hint="replace the file")
    with plain_file(file, most=MAX_ROWS_BYTES, too_large=too_large) as lines, clear_io_errors("cannot read", file):
        for number, line in enumerate(lines, start=1):
            try:
                rows.append(read_row(load_json(line)))
            except (ValueError, KeyError, TypeError) as error:
                text = f"{file} is damaged in line {number}: {type(error).__name__}: {str(error)[:200]}"
                raise ZooError(text, hint="replace the file, or train again") from None
    return tuple(rows)


def newest_first(paths: Sequence[Path]) -> list[Path]:
    """Folders of runs, the one that was written last first."""
    return sorted(paths, key=lambda path: os.stat(path / RUN_FILE).st_mtime_ns, reverse=True)
