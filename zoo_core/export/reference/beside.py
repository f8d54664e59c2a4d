"""Work in a process of its own beside this one: a copy of this process that ends with what the work gives."""

from __future__ import annotations

import contextlib
import copy
import ctypes
import multiprocessing
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from zoo_core.errors import NotVerifiedError

Result = TypeVar("Result")
_PR_SET_PDEATHSIG = 1


def can_copy() -> bool:
    """Whether this process can be copied: on Linux, unless it is itself one that may have no children.

    Elsewhere a copy of a process that has threads is not safe to go on with.
    """
    return sys.platform == "linux" and not multiprocessing.current_process().daemon


@contextlib.contextmanager
def beside(work: Callable[[], Result], *, what: str) -> Iterator[Callable[[], Result]]:
    """Begin `work` in a copy of this process, and give a function that waits for its result or raises its exception.

    The copy sees everything as it is now and changes nothing here; result or exception come through a pipe. To leave
    without waiting ends it. NotVerifiedError, which says that `what` was lost, when it dies. Only where `can_copy()`.
    """
    receiving, sending = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(work, sending), daemon=True)
    with warnings.catch_warnings():
        # Newer Pythons warn of a fork beside threads; `_serve` says why this one is safe.
        warnings.filterwarnings("ignore", message=".*multi-threaded.*fork", category=DeprecationWarning)
        process.start()
    sending.close()
    try:
        yield lambda: _received(receiving, process, what)
    finally:
        process.kill()
        process.join()
        receiving.close()


def _serve(work: Callable[[], Any], sending: Connection) -> None:
    # Ctrl-C reaches both processes; the first one says so, and ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_parent()
    answer: list[tuple[bool, Any]] = []
    # The waiting threads of OpenMP did not come along. They belong to the thread that made them: a new thread makes
    # new ones, where the copied one would wait for the lost ones for ever.
    thread = threading.Thread(target=lambda: answer.append(_answer(work)))
    thread.start()
    thread.join()
    try:
        sending.send(answer[0])
    except Exception:  # noqa: BLE001 of a class that only this process knows, for instance
        sending.send((False, _in_words(answer[0][1])))


def _end_with_parent() -> None:
    # When the first one is killed, this one would hold its locks until the work is done.
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _answer(work: Callable[[], Any]) -> tuple[bool, Any]:
    try:
        return True, work()
    except BaseException as error:  # noqa: BLE001 it is raised again where the result is asked for
        error.add_note(f"In a process of its own:\n{traceback.format_exc()}")
        try:
            copy.copy(error)  # as the other side will make it
        except Exception:  # noqa: BLE001 its class wants other arguments than it keeps
            return False, _in_words(error)
        return False, error


def _in_words(result: Any) -> RuntimeError:
    return RuntimeError(f"{type(result).__name__}: {result}")


def _received(receiving: Connection, process: Any, what: str) -> Any:
    try:
        done, result = receiving.recv()
    except (EOFError, OSError):
        process.join()
        raise NotVerifiedError(
            f"{what} was lost: its process {_ended(process.exitcode)}",
            hint="the system may have run out of memory: a smaller model or input needs less",
        ) from None
    if done:
        return result
    raise result


def _ended(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
