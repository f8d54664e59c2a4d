"""Starts the processes of a training on this machine, and ends with all of them: torchrun, for people."""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path

from zoo_core.environment import usable_processors
from zoo_core.errors import Terminated, ZooError
from zoo_core.files import read_json
from zoo_core.training.extras import need_torch

LOOPBACK = "127.0.0.1"
_STOPPING_SECONDS = 120
"""What a process that is told to stop has for the end of its step, and to save it."""


def launch(words: Sequence[str], *, processes: int) -> int:
    """The exit code of `zoo WORD...` in so many processes: of the one that failed first, which has said why.

    Raises ZooError where none of them could say anything.
    """
    need_torch("training")
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    for name in ("torch.distributed.elastic", "torch.distributed.launcher", "torch.distributed.run"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, usable_processors() // processes)))
    os.dup2(sys.stdout.fileno(), 1)  # what they print is the result of the command, and no noise of C code
    with tempfile.TemporaryDirectory(prefix="zoo-processes-") as folder:
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=processes,
            run_id=str(uuid.uuid4()),
            rdzv_backend="c10d",
            rdzv_endpoint=f"{LOOPBACK}:0",
            local_addr=LOOPBACK,
            max_restarts=0,
            shutdown_timeout=_STOPPING_SECONDS,
            logs_specs=DefaultLogsSpecs(log_dir=folder),
        )
        try:
            elastic_launch(config, sys.executable)("-P", "-m", "zoo_core", *words)
        except ChildFailedError as error:
            _, first = error.get_first_failure()
            return _told_code(Path(folder)) or _code(first.exitcode)
        except SignalException as stop:
            raise Terminated(128 + stop.sigval) from None
    return 0


def _told_code(folder: Path) -> int | None:
    """The exit code that a process has told with its failure."""
    for file in folder.rglob("error.json"):
        code = read_json(file, what="what a process says of its failure").get("code")
        if isinstance(code, int):
            return code
    return None


def _code(code: int) -> int:
    if code >= 0:
        return code
    if code in {-signal.SIGINT, -signal.SIGTERM}:
        return 128 - code
    raise ZooError(
        f"a process of the training was ended by {signal.Signals(-code).name}",
        hint="the epochs that were done are kept, and the same command with --resume goes on",
    )
