"""The console program as several processes of one training, which find each other by the environment."""

from __future__ import annotations

import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from warm import Result, start_program


def free_port() -> int:
    """One that nobody listens at."""
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        port: int = tried.getsockname()[1]
    return port


def start_together(*words: str | Path, count: int, cwd: Path, **more: Any) -> list[Any]:
    """The processes of a training, the first one first, each a fork of a warm one."""
    common = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    pipe = subprocess.PIPE
    streams = {"stdin": subprocess.DEVNULL, "stdout": pipe, "stderr": pipe}
    ranks = [{**common, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(count)]
    return [start_program(*words, cwd=cwd, env=env, **streams, **more) for env in ranks]


def ended_together(processes: list[Any], *, timeout: float = 60) -> list[Result]:
    """What each of them has said in the end."""

    def ended(process: Any) -> Result:
        with process as child:
            try:
                stdout, stderr = child.communicate(None, timeout=timeout)
            except subprocess.TimeoutExpired:
                child.kill()
                raise
        # A fork of a process that has loaded torch cannot tell it to be quiet any more, as a process of its own does.
        told = [line for line in stderr.splitlines(keepends=True) if "find_unused_parameters" not in line]
        return Result(code=child.returncode, stdout=stdout, stderr="".join(told))

    with ThreadPoolExecutor(len(processes)) as pool:
        return list(pool.map(ended, processes))


def zoo_together(*words: str | Path, count: int, cwd: Path, **more: Any) -> list[Result]:
    """The processes of a training, once they have ended."""
    return ended_together(start_together(*words, count=count, cwd=cwd, **more))
