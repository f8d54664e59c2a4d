"""The exporters print and log at length, above all when they fail: whole graphs, by Python and by C++."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Nothing that is printed, logged or warned of inside is seen: what went wrong is in the exception.

    With ZOO_DEBUG=1 all of it goes to stderr.
    """
    if os.environ.get("ZOO_DEBUG") == "1":
        with contextlib.redirect_stdout(sys.stderr):
            yield
        return
    disabled = logging.root.manager.disable
    logging.disable()
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            _quiet_descriptor(1),
            _quiet_descriptor(2),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


@contextlib.contextmanager
def _quiet_descriptor(number: int) -> Iterator[None]:
    """What C++ writes there goes nowhere: graphs that the TorchScript exporter stumbles over, warnings of shapes."""
    try:
        before = os.dup(number)
    except OSError:  # closed by whoever has started the process
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, number)
        yield
    finally:
        os.dup2(before, number)
        os.close(before)
        os.close(nowhere)
