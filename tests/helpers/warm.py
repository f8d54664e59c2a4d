"""Start the console program: as a process of its own, or as a fork of one that has PyTorch loaded already."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

PROGRAM = Path(sys.executable).with_name("zoo")
SERVER = Path(__file__).with_name("warm_process.py")
FROM_THE_START = ("PYTHON", "LD_", "LC_", "LANG", "OMP_", "MKL_", "KMP_", "TORCH", "MALLOC_", "CUDA", "MPL")
"""Variables that are looked at when Python starts or a package is imported; another value needs a cold start."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """stdout as JSON; fails with everything that was printed if it is none."""
        try:
            return json.loads(self.stdout)
        except ValueError:
            raise AssertionError(f"no JSON on stdout, exit code {self.code}:\n{self.stdout}\n{self.stderr}") from None


class Warm:
    """The line to the warm process, and what it has said of itself: `threads`, and the names that are `loaded`.

    `environment` are the variables with which it was started.
    """

    def __init__(self, line: socket.socket, start: Mapping[str, Any]) -> None:
        self._line = line
        self.threads: int = start["threads"]
        self.loaded: frozenset[str] = frozenset(start["loaded"])
        self.environment: Mapping[str, str] = start["environment"]

    def ask(self, job: Mapping[str, Any], streams: list[int]) -> socket.socket:
        """Fork a process for the job, with these three descriptors; gives the line to it."""
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._line, [b"+"], [*streams, theirs.fileno()])
        ours.sendall(json.dumps(job).encode() + b"\n")
        return ours


_known: list[Warm] = []


def warm() -> Warm:
    """The one of this process, started when it is first needed. It ends, with all its forks, when we do."""
    if not _known:
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, SERVER, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
        atexit.register(process.wait)
        atexit.register(ours.close)
        with ours.makefile("r", encoding="utf-8") as said:
            start = json.loads(said.readline())
        use(Warm(ours, start))
    return _known[0]


def use(given: Warm) -> None:
    """Use that one: for a fork, which has a line of its own."""
    _known[:] = [given]


LIGHT = {"list", "plugins", "new", "view", "serve", "verify", "predict", "--help", "--version"}
"""Commands that need no PyTorch and begin quickly: they always start cold, as they do for those who deploy."""


class WarmProcess:
    """A fork of the warm process, for what is needed of `subprocess.Popen`. It leads a process group.

    It runs the console program, or the code when there is some. Each stream is `subprocess.PIPE`,
    `subprocess.DEVNULL`, a descriptor, or ours for None. Unlike there, `kill` ends the whole group.
    """

    def __init__(
        self,
        arguments: list[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
        code: str | None = None,
        text: bool = True,
    ) -> None:
        self.args, self.returncode = arguments, None
        job = {"argv": arguments, "cwd": str(cwd), "env": dict(env), "code": code}
        with contextlib.ExitStack() as theirs:
            streams = [_stream(given, own, text, theirs) for own, given in enumerate((stdin, stdout, stderr))]
            self._line = warm().ask(job, [descriptor for descriptor, _ in streams])
        self.stdin, self.stdout, self.stderr = (ours for _, ours in streams)
        self._said = b""
        self.pid: int = self._next(None)["pid"]

    def poll(self) -> int | None:
        """How it ended, as with `subprocess`; None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            self.returncode = self._next(timeout)["code"]
            self._line.close()
        return self.returncode

    def communicate(self, typed: str | None = None, timeout: float | None = None) -> tuple[str | None, str | None]:
        """Send what is typed, read what comes to its end, wait. Raises subprocess.TimeoutExpired."""
        until = None if timeout is None else time.monotonic() + timeout
        found: dict[int, str] = {}

        def read(number: int, stream: IO[str]) -> None:
            with stream:
                found[number] = stream.read()

        def write(stream: IO[str]) -> None:
            with contextlib.suppress(BrokenPipeError), stream:
                stream.write(typed or "")

        threads = [
            threading.Thread(target=read, args=(number, stream), daemon=True)
            for number, stream in enumerate((self.stdout, self.stderr))
            if stream is not None
        ]
        if self.stdin is not None:
            threads.append(threading.Thread(target=write, args=(self.stdin,), daemon=True))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(None if until is None else max(0.0, until - time.monotonic()))
            if thread.is_alive():
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        self.wait(None if until is None else max(0.0, until - time.monotonic()))
        return found.get(0), found.get(1)

    def send_signal(self, number: int) -> None:
        """Send it, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End its process group, unless the process has ended."""
        if self.poll() is None:
            with contextlib.suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)
            self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self.wait()

    def _next(self, timeout: float | None) -> dict[str, int]:
        """What the warm process says next about it."""
        self._line.settimeout(timeout)
        while b"\n" not in self._said:
            try:
                more = self._line.recv(1000)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0) from None
            if not more:
                raise RuntimeError("the warm process is gone")
            self._said += more
        line, self._said = self._said.split(b"\n", 1)
        return json.loads(line)


def _stream(given: int | None, own: int, text: bool, theirs: contextlib.ExitStack) -> tuple[int, IO[Any] | None]:
    """The descriptor for the process, closed here with `theirs` if it is made here, and our end of a pipe."""
    if given is None:
        return own, None
    if given == subprocess.DEVNULL:
        descriptor = os.open(os.devnull, os.O_RDWR)
        theirs.callback(os.close, descriptor)
        return descriptor, None
    if given != subprocess.PIPE:
        return given, None
    reading, writing = os.pipe()
    descriptor, ours = (reading, writing) if own == 0 else (writing, reading)
    theirs.callback(os.close, descriptor)
    mode = "w" if own == 0 else "r"
    return descriptor, open(ours, mode, encoding="utf-8") if text else open(ours, f"{mode}b")


def start_program(
    *arguments: str | Path,
    cwd: Path,
    env: Mapping[str, str | None] | None = None,
    site: Path | None = None,
    cold: bool = False,
    **streams: int | None,
) -> subprocess.Popen[str] | WarmProcess:
    """Start the console program; `env` is added to the environment, None takes a variable away.

    `site` is a folder for PYTHONPATH. A fork of the warm process, unless `cold`, or unless something is there that a
    starting Python or torch would look at: then a process from the very beginning.
    """
    environment = {**os.environ, **{k: v for k, v in (env or {}).items() if v is not None}}
    for name in [name for name, value in (env or {}).items() if value is None]:
        environment.pop(name, None)
    if site is not None and site.exists():
        parts = [str(site), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(part for part in parts if part)
    command = [str(PROGRAM), *map(str, arguments)]
    light = not command[1:] or (command[1] in LIGHT and "--max-parameters" not in command)
    if cold or light or must_be_cold(environment):
        return subprocess.Popen(command, cwd=cwd, env=environment, text=True, encoding="utf-8", **streams)
    return WarmProcess(command, cwd=cwd, env=environment, **streams)


def run_program(
    *arguments: str | Path, cwd: Path, timeout: float = 240, typed: str | None = None, **more: Any
) -> Result:
    """Run the console program to its end, with `typed` on stdin; the rest is as with `start_program`."""
    pipe = subprocess.PIPE
    stdin = subprocess.DEVNULL if typed is None else pipe
    return _ended(start_program(*arguments, cwd=cwd, stdin=stdin, stdout=pipe, stderr=pipe, **more), typed, timeout)


def run_code(code: str, *, cwd: Path, site: Path | None = None, timeout: float = 240) -> Result:
    """Run Python code as `python -c` does, in a fork of the warm process where that is the same."""
    environment = dict(os.environ) | ({"PYTHONPATH": str(site)} if site is not None else {})
    pipe = subprocess.PIPE
    streams = {"stdin": subprocess.DEVNULL, "stdout": pipe, "stderr": pipe}
    if must_be_cold(environment):
        command = [sys.executable, "-c", code]
        child: Any = subprocess.Popen(command, cwd=cwd, env=environment, text=True, encoding="utf-8", **streams)
    else:
        child = WarmProcess(["-c"], cwd=cwd, env=environment, code=code, **streams)
    return _ended(child, None, timeout)


def _ended(process: subprocess.Popen[str] | WarmProcess, typed: str | None, timeout: float) -> Result:
    with process as child:
        try:
            stdout, stderr = child.communicate(typed, timeout=timeout)
        except BaseException:
            child.kill()
            raise
    return Result(code=child.returncode, stdout=stdout, stderr=stderr)


def run_to_success(*arguments: str | Path, cwd: Path, **more: Any) -> Result:
    """Run it as `run_program` does, and fail when it does."""
    done = run_program(*arguments, cwd=cwd, **more)
    if done.code:
        raise AssertionError(f"zoo {' '.join(map(str, arguments))} ended with {done.code}:\n{done.stderr}")
    return done


def must_be_cold(environment: Mapping[str, str]) -> bool:
    """Whether something is there that a starting Python, or a package when it is imported, would look at."""
    if not hasattr(os, "pidfd_open"):
        return True
    known = {**warm().environment, "PYTHONPATH": environment.get("PYTHONPATH")}
    changed = {name for name in {*known, *environment} if known.get(name) != environment.get(name)}
    if any(name.startswith(FROM_THE_START) for name in changed):
        return True
    folders = [Path(part) for part in environment.get("PYTHONPATH", "").split(os.pathsep) if part]
    names = {path.stem for folder in folders if folder.is_dir() for path in folder.iterdir()}
    return not names.isdisjoint({"sitecustomize", "usercustomize", *warm().loaded})


WARM_CHILDREN = (
    "zoo_core.checks.watched_child:main",
    "zoo_core.checks.doctor.doctor_child:main",
    "zoo_core.checks.candidates.trainer_candidate:train_until_stopped",
    "zoo_core.workflows.catalogue.counting_child:main",
)
"""The zoo's own children that load PyTorch as a matter of course; those that look at imports start cold."""


def start_children_warm() -> None:
    """From now on, in this process, those children are forks of the warm process too, where that is the same."""
    from zoo_core.children import parent  # not for the warm process itself, which has no module of the zoo

    started = parent.Child.__init__

    def start(self: Any, call: str, task: Any, **more: Any) -> None:
        environment = {**os.environ, **(more.get("environment") or {})}
        if call in WARM_CHILDREN and not must_be_cold(environment):
            parent.subprocess = _Warmly
        try:
            started(self, call, task, **more)
        finally:
            parent.subprocess = subprocess

    parent.Child.__init__ = start


class _Warmly:
    """What `parent.py` needs of the module `subprocess`."""

    PIPE, TimeoutExpired = subprocess.PIPE, subprocess.TimeoutExpired

    @staticmethod
    def Popen(command: list[str], *, start_new_session: bool, **more: Any) -> WarmProcess:
        return WarmProcess(["-c"], cwd=Path.cwd(), code=command[-1], text=False, **more)
