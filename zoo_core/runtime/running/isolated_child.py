"""The process of its own that runs a stranger's file: what it is to do comes on stdin, answers go to stdout.

Called as `python -m` with the name of this module.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
from pathlib import Path
from typing import IO, Any

import numpy as np

from zoo_core.errors import ZooError

from .array_pipe import Arrays, private_pipes, receive_arrays, send_arrays
from .session import LocalSession, SessionFile, SessionSettings

SLACK_SECONDS = 10


def main() -> None:
    """Load the file that is told, answer every request, and end when nobody asks any more."""
    # When memory runs out, the system takes this process first, and the one that waits for it lives to tell.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    requests, answers = private_pipes()
    start = receive_arrays(requests)
    if start is None:
        return
    told = start[0]
    content = None if told["content"] is None else requests.read(told["content"])
    waiting: queue.SimpleQueue[tuple[int | None, Arrays]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests, waiting), daemon=True).start()
    seconds = float(told["seconds"])
    session: LocalSession | None = None
    while True:
        _limit_processor_time(seconds)
        try:
            if session is None:
                source = SessionFile(
                    path=told["path"] if content is None else told["shown"], content=content, one_size=told["one_size"]
                )
                session, content = LocalSession(source, SessionSettings(**told["settings"])), None
                send_arrays(answers, {})
            else:
                send_arrays(answers, *_answer(session, *waiting.get()))
        except ZooError as error:
            send_arrays(answers, {"error": error.message, "hint": error.hint})
            if session is None:
                return


def _answer(session: LocalSession, times: int | None, inputs: Arrays) -> tuple[dict[str, Any], Arrays]:
    """What is told with the outputs, and the outputs: of one run, or of the last of several that are timed."""
    if times is None:
        return {}, _numbers(session.run(inputs))
    timing = session.timed(inputs, times=times)
    return {"seconds": timing.seconds, "peak": timing.peak_bytes}, _numbers(timing.outputs)


def _listen(requests: IO[bytes], waiting: queue.SimpleQueue[tuple[int | None, Arrays]]) -> None:
    """Read requests as they come. Where they end, the parent is gone, and this process ends in whatever it does."""
    while (request := receive_arrays(requests)) is not None:
        waiting.put((request[0].get("times"), request[1]))
    os._exit(0)


def _limit_processor_time(seconds: float) -> None:
    """End this process in an endless loop that lets no other thread of it run, also when no parent watches any more."""
    if sys.platform == "win32":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    step = seconds * (os.cpu_count() or 1) + SLACK_SECONDS
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    limit = int(used.ru_utime + used.ru_stime + step)
    with contextlib.suppress(OSError, ValueError, OverflowError):
        resource.setrlimit(resource.RLIMIT_CPU, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _numbers(outputs: dict[str, Any]) -> Arrays:
    for name, value in outputs.items():
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "biuf":
            raise ZooError(f"the output {name!r} is no array of numbers")
    return outputs


if __name__ == "__main__":
    main()
