"""The folder of a sweep: what was asked, optuna's journal, and one lock a trial. Processes and machines share it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from zoo_core import MissingExtraError, UsageError, ZooError
from zoo_core.commands import clear_io_errors, shell_word, write_atomic
from zoo_core.data import read_plain

if TYPE_CHECKING:
    from optuna.study import Study

SWEEPS = Path("sweeps")
ASKED, JOURNAL, PICTURE = "sweep.json", "journal.log", "sweep.png"
_MOST_BYTES = 1 << 24


@dataclass(frozen=True, kw_only=True)
class Store:
    """One sweep on the disk."""

    path: Path

    @property
    def name(self) -> str:
        """The sweep's name; its runs are called after it."""
        return self.path.name

    def run_name(self, number: int) -> str:
        """What the run of a trial is called."""
        return f"{self.name}-{number:03}"

    @property
    def is_begun(self) -> bool:
        """Whether there is something to go on with."""
        return (self.path / JOURNAL).exists()

    def remember(self, asked: Mapping[str, Any]) -> bool:
        """Keep what was asked, and say whether the sweep is new. Raises UsageError where it was asked otherwise."""
        file = self.path / ASKED
        with clear_io_errors("cannot keep", file):
            self.path.mkdir(parents=True, exist_ok=True)
            with self.alone():
                if not file.exists():
                    write_atomic(file, (json.dumps(asked, indent=2) + "\n").encode())
                    return True
                before = _read(file)
        if different := [name for name in asked if asked[name] != before.get(name)]:
            was, now = (_shown(each.get(different[0])) for each in (before, asked))
            raise UsageError(
                f"sweep {self.name!r} exists, and was asked otherwise: its {different[0]} was {was}, and is {now} now",
                hint=f"--sweep {shell_word(f'{self.name}-2')} for another sweep; --trials and --processes may change",
            )
        return False

    def forget(self) -> None:
        """Take away what a sweep left that came to no trial."""
        for name in (ASKED, ".lock"):
            self.path.joinpath(name).unlink(missing_ok=True)
        for folder in (self.path, self.path.parent):
            with contextlib.suppress(OSError):
                folder.rmdir()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """While this is held, no other process asks for a trial."""
        with _locked(self.path / ".lock", wait=True):
            yield

    @contextlib.contextmanager
    def held(self, number: int) -> Iterator[IO[bytes] | None]:
        """The lock of a trial, or None where another process, or its training alone, has it."""
        with _locked(self.path / f".trial-{number:03}.lock", wait=False) as file:
            yield file

    def study(self) -> Study:
        """The optuna study in the journal, of a score of which more is better. Raises MissingExtraError, ZooError."""
        optuna = need_optuna()
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        journal = self.path / JOURNAL
        try:
            with clear_io_errors("cannot read", journal):
                study: Study = optuna.create_study(
                    storage=JournalStorage(JournalFileBackend(str(journal))),
                    study_name=self.name,
                    direction="maximize",
                    load_if_exists=True,
                )
        except (ValueError, KeyError, TypeError) as error:
            raise ZooError(
                f"{journal} is damaged: {error}", hint="bring it back from a copy, or take another name: --sweep NAME"
            ) from None
        return study


def need_optuna() -> Any:
    """The module optuna, which says nothing unless something is wrong. Raises MissingExtraError without it."""
    try:
        import optuna
    except ImportError:
        raise MissingExtraError(needed_for="zoo sweep", extra="sweep", missing="optuna") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _shown(asked: Any) -> str:
    """A part of what was asked, as it is typed or written in a space."""
    if isinstance(asked, list):
        return " ".join(map(shell_word, asked))
    if not isinstance(asked, dict):
        return json.dumps(asked)
    return "; ".join(f"{name} = {json.dumps(value)}" for row in asked.values() for name, value in row.items())


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_plain(file, most=_MOST_BYTES, what="what was asked"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ZooError(f"{file} is damaged", hint="take another name: --sweep NAME")
    return found


@contextlib.contextmanager
def _locked(path: Path, *, wait: bool) -> Iterator[IO[bytes] | None]:
    """A lock that ends with whoever holds the file open; where a system has none (Windows), nothing is held."""
    with path.open("ab") as file:
        try:
            import fcntl
        except ImportError:
            yield file
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        yield file
