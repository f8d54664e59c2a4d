"""What `zoo serve` was asked for."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from zoo_core.runtime import Isolated

from .batcher import BatchLimits

Wanted: TypeAlias = Literal["problems", "all", "nothing"]
"""What is written into the log."""


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """Where to listen, who is let in, and what a request may use.

    `grpc_port`: where gRPC is spoken, None for nowhere. `names`: of hosts that requests may be addressed to, besides
    this machine. `seconds`: for one request, from its last byte to its answer. `grace`: seconds for what is under way
    when the server is told to end. `threads` of onnxruntime for each worker.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    grpc_port: int | None = None
    token: str | None = None
    names: tuple[str, ...] = ()
    batch: BatchLimits = field(default_factory=BatchLimits)
    threads: int = 1
    body: int = 64 << 20
    seconds: float = 60.0
    grace: float = 30.0
    isolated: Isolated = None
    log: Wanted = "problems"


def shared_out(workers: int | None, threads: int | None) -> tuple[int, int]:
    """How many batches run at a time, and threads for each; what is not said is shared out among the processors.

    Two workers at least, where there are two processors: while one waits for Python, the other computes.
    """
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if workers is None:
        workers = max(1, min(2, processors // (threads or 1)))
    return workers, threads or max(1, processors // workers)
