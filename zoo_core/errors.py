"""The only exceptions that users meet: what is wrong, where, what to do, and the exit code."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from .foreign_text import terminal_lines
from .installation import CORE, install_command

LONGEST = 300
"""Characters of somebody else's message that are told."""


class ZooError(Exception):
    """Something the user can mend: data, files, extras, network, disk, sizes that do not match (exit code 1)."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None, command_hint: str | None = None) -> None:
        """`command_hint`: what to do on the command line, where that is another thing than in Python."""
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.command_hint = command_hint or hint


class UsageError(ZooError):
    """Something was typed wrong: a name, an option, a type (exit code 2)."""

    exit_code = 2


class NotVerifiedError(ZooError):
    """An export that could not be converted, or a check that did not pass or was not conclusive (exit code 3)."""

    exit_code = 3


class FailedForwardError(NotVerifiedError):
    """A model's own forward has failed in PyTorch, which may be for its size."""


class AxisConflictError(NotVerifiedError):
    """A model cannot be converted because it fixes an axis that is declared free; the message says what works."""


class RefusedFileError(ZooError):
    """A file refused before it is opened: unsafe, or not of the format its name says (exit code 4)."""

    exit_code = 4


class TemporaryFolderError(ZooError):
    """There is no temporary folder that can be written, or no room in it: it says nothing of what is looked at."""


class MissingExtraError(ZooError):
    """An optional dependency is absent; the hint holds the pip command that brings it."""

    def __init__(self, *, needed_for: str, extra: str, missing: str, distribution: str = CORE) -> None:
        super().__init__(
            f"{needed_for} needs the package {missing!r}, which is not installed",
            hint=install_command(extra, distribution=distribution),
        )


class UnverifiedWarning(UserWarning):
    """An exported file is opened that has changed since it was verified, was never verified, or has lost its report."""


class Terminated(SystemExit):
    """SIGTERM has come: nobody's fault, and no plugin's way to end the process."""


def error_lines(message: str, hint: str | None) -> str:
    """How an error is told on stderr: `Error: ...`, and `Hint: ...` where there is one."""
    lines = f"Error: {terminal_lines(message)}"
    return f"{lines}\nHint: {terminal_lines(hint)}" if hint else lines


def interruption(error: BaseException | None) -> BaseException | None:
    """The Ctrl-C or SIGTERM that somebody else's code has caught and made an error of its own from; None: no such."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt | Terminated):
            return error
        error = error.__cause__ or error.__context__
    return None


def in_words(error: BaseException) -> str:
    """Class and message of an exception in one line, whatever its class makes of it."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # noqa: BLE001 a plugin's own exception class may be faulty too
        text = "its message cannot be read"
    return f"{type(error).__name__}: {text[:LONGEST]}" if text else type(error).__name__


def missing_package(name: str, *, needed_for: str) -> ZooError:
    """The error for an import that failed because the package `name` is absent."""
    if name in {"torch", "torchvision"}:
        return MissingExtraError(needed_for=needed_for, extra="train", missing=name)
    return ZooError(
        f"{needed_for} needs the package {name!r}, which is not installed",
        hint=f"pip install {name}",
    )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence with the nearest known names, or with all of them when there are few; empty if there are none."""
    names = sorted(set(known))
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return f"Did you mean {' or '.join(repr(n) for n in near)}?"
    if names and len(names) <= 12:
        return f"Known: {', '.join(names)}"
    return ""
