"""What a process is set to, for everybody in it: written down, compared, and put back where that can be done."""

from __future__ import annotations

import contextlib
import locale
import os
import random
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

Facts = dict[str, Any]
"""What each setting is, by what people call it."""

_SIGNALS = signal.valid_signals()
_FOLDER, _LOCALE, _HANDLERS, _TRACING = "the working folder", "the locale", "signal handlers", "tracing"
_TORCH = "PyTorch's settings"
_TORCH_SETTINGS = (
    ("is_grad_enabled", "set_grad_enabled"),
    ("get_default_dtype", "set_default_dtype"),
    ("get_num_threads", "set_num_threads"),
    ("are_deterministic_algorithms_enabled", "use_deterministic_algorithms"),
)


def process_facts(descriptors: Mapping[str, tuple[int, ...]]) -> Facts:
    """The settings as they are now. `descriptors`: which files are to stay open, by what they are called."""
    facts: Facts = {
        _FOLDER: _answer(os.getcwd),
        _LOCALE: _answer(lambda: locale.setlocale(locale.LC_ALL)),
        _HANDLERS: {number: signal.getsignal(number) for number in _SIGNALS},
        _TRACING: (sys.gettrace(), sys.getprofile()),
        **{name: [_file_at(number) for number in numbers] for name, numbers in descriptors.items()},
    }
    with contextlib.suppress(ImportError):
        import resource

        limits = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]
        facts["limits of the process"] = [_answer(partial(resource.getrlimit, limit)) for limit in limits]
    if hasattr(signal, "getitimer"):
        facts["the alarm clock"] = signal.getitimer(signal.ITIMER_REAL)[0] > 0
    if (torch := sys.modules.get("torch")) is not None:
        facts[_TORCH] = [_answer(getattr(torch, read)) for read, _ in _TORCH_SETTINGS]
    return facts


def changed_facts(before: Facts, now: Facts) -> list[str]:
    """The names of those that are others now; what was not known before is not compared."""
    return [name for name, value in before.items() if now.get(name) != value]


def put_back(before: Facts, changed: list[str]) -> None:
    """Set what was changed as it was; limits, closed files and alarms stay as they are."""
    ways: dict[str, Callable[[Any], Any]] = {
        _FOLDER: os.chdir,
        _LOCALE: partial(locale.setlocale, locale.LC_ALL),
        _HANDLERS: _set_handlers,
        _TRACING: _set_tracing,
        _TORCH: _set_torch,
    }
    for name in filter(ways.__contains__, changed):
        with contextlib.suppress(OSError, ValueError, TypeError, locale.Error):
            ways[name](before[name])


@contextlib.contextmanager
def same_random_numbers() -> Iterator[None]:
    """Whoever draws after the block draws what would have been drawn without it."""
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    states = [(random.setstate, random.getstate())]
    if numpy is not None:
        states.append((numpy.random.set_state, numpy.random.get_state()))
    if torch is not None:
        states.append((torch.set_rng_state, torch.get_rng_state()))
        if torch.cuda.is_initialized():
            states.append((torch.cuda.set_rng_state, torch.cuda.get_rng_state()))
    try:
        yield
    finally:
        for set_state, state in states:
            set_state(state)


def _set_handlers(handlers: Mapping[int, Any]) -> None:
    for number, handler in handlers.items():
        if handler is not None and signal.getsignal(number) is not handler:
            signal.signal(number, handler)


def _set_tracing(hooks: tuple[Any, Any]) -> None:
    sys.settrace(hooks[0])
    sys.setprofile(hooks[1])


def _set_torch(values: list[Any]) -> None:
    torch: Any = sys.modules["torch"]
    for (read, write), value in zip(_TORCH_SETTINGS, values, strict=True):
        if getattr(torch, read)() != value:
            getattr(torch, write)(value)


def _answer(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:  # noqa: BLE001 also that is something that can change
        return type(error)


def _file_at(descriptor: int) -> tuple[int, int] | None:
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino
