"""Where the output of a command goes: results to stdout, warnings to stderr, and nothing where nobody listens."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Any, TextIO

from zoo_core.errors import UnverifiedWarning
from zoo_core.foreign_text import terminal_line


class NobodyListensError(Exception):
    """Whoever read the output has gone: there is nothing left to say, and nowhere to say it."""


@contextlib.contextmanager
def broken_pipes_told_apart() -> Iterator[None]:
    """Raise NobodyListensError for a BrokenPipeError, of which click would make exit code 1."""
    try:
        yield
    except BrokenPipeError as error:
        raise NobodyListensError from error


def some_stderr() -> None:
    """Where the caller has closed stderr, what is said there goes nowhere: Python would say it on stdout."""
    if sys.stderr is None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.set_inheritable(2, True)
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 until the process ends


@contextlib.contextmanager
def own_stdout() -> Iterator[None]:
    """What the command prints goes to stdout; what C code and child processes write there goes to stderr.

    The result may be somebody's JSON, and torch's older exporter prints the graph that it cannot convert.
    """
    given = sys.stdout
    if given is None:  # closed by the caller: there is nobody to tell
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 until the process ends
        yield
        return
    given.flush()
    before = os.dup(1)
    try:
        # A terminal that cannot write a letter gets its number: a name of a file stops no command.
        errors = "backslashreplace" if given.errors == "strict" else given.errors
        with open(os.dup(before), "w", encoding=given.encoding, errors=errors) as ours:
            os.dup2(2, 1)
            sys.stdout = ours
            try:
                yield
            finally:
                _flush_or_drop(ours)
    finally:
        sys.stdout = given
        os.dup2(before, 1)
        os.close(before)


def _flush_or_drop(stream: TextIO) -> None:
    """Write what is left of the output, of a command that has failed; where that cannot be, it has said so already."""
    try:
        stream.flush()
    except OSError:
        _into_nothing(stream)


def tell_warnings() -> None:
    """What the zoo warns of, each once, a line as other warnings of a command, whatever the filters of Python are."""
    others = warnings.showwarning
    told: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if not issubclass(category, UnverifiedWarning):
            others(message, category, *where, **more)
            return
        line = terminal_line(str(message))
        if line in told:  # a command may open a file several times
            return
        told.add(line)
        with contextlib.suppress(OSError):  # nobody listens
            print(f"Warning: {line}", file=sys.stderr, flush=True)

    warnings.showwarning = show
    warnings.simplefilter("always", UnverifiedWarning)


def drop_output() -> None:
    """What is still to be written goes nowhere: it cannot be written, and must not be tried again at the end."""
    _into_nothing(sys.stdout)


def _into_nothing(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
