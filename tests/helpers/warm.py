"""Start the console program: as a process of its own, or as a fork of one that has loaded its libraries already.

There are two such warm processes: a heavy one with PyTorch, and a light one without, for what needs none.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, Self

PROGRAM = Path(sys.executable).with_name("zoo")
SERVER = Path(__file__).with_name("warm_process.py")
FROM_THE_START = ("PYTHON", "LD_", "LC_", "LANG", "OMP_", "MKL_", "KMP_", "TORCH", "MALLOC_", "CUDA", "MPL")
"""Variables that are looked at when Python starts or a package is imported; another value needs a cold start."""
NO_WARNINGS = ("PYTHONWARNINGS", "ignore")
"""A fork sees to that by itself."""

Kind = Literal["heavy", "light"]


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
    """A line to a warm process, and what that has said of itself: `threads`, and the names that are `loaded`.

    `environment` are the variables with which it was started, and `limits` are those of its resources; `start` is all
    this as plain JSON.
    """

    def __init__(self, line: socket.socket, start: Mapping[str, Any]) -> None:
        self._line = line
        self.start = start
        self.threads: int = start["threads"]
        self.loaded: frozenset[str] = frozenset(start["loaded"])
        self.environment: Mapping[str, str] = start["environment"]
        self.limits: list[list[int]] = start["limits"]

    def ask(self, job: Mapping[str, Any], streams: list[int], *, light: Warm | None) -> socket.socket:
        """Fork a process for the job, with these three descriptors and a line to `light`; gives the line to it."""
        ours, theirs = socket.socketpair()
        with theirs, contextlib.ExitStack() as sent:
            given = [*streams, theirs.fileno()]
            if light is not None:
                given.append(sent.enter_context(light.another_line()).fileno())
            socket.send_fds(self._line, [b"+"], given)
        told = {**job, "light": None if light is None else light.start}
        ours.sendall(json.dumps(told).encode() + b"\n")
        return ours

    def another_line(self) -> socket.socket:
        """A line for somebody else."""
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._line, [b"l"], [theirs.fileno()])
        return ours


_known: dict[Kind, Warm] = {}
_forked = False


def warm(kind: Kind = "heavy") -> Warm:
    """The one of this kind, started when it is first needed. It ends, with all its forks, when we do."""
    if kind not in _known:
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, SERVER, str(theirs.fileno()), kind],
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
        _known[kind] = Warm(ours, start)
    return _known[kind]


def use(given: Mapping[Kind, Warm]) -> None:
    """Use these, and no others: for a fork, which has lines of its own."""
    global _forked
    _forked = True
    _known.clear()
    _known.update(given)


LIGHT = {"list", "plugins", "new", "view", "serve", "verify", "predict", "--help", "--version"}
"""Commands that need no PyTorch: they are forks of a process that has none, as with those who deploy."""


def kind_of(command: list[str]) -> Kind:
    """The kind of process of which a command of the program is a fork."""
    light = not command[1:] or (command[1] in LIGHT and "--max-parameters" not in command)
    return "light" if light else "heavy"


class WarmProcess:
    """A fork of a warm process, for what is needed of `subprocess.Popen`. It leads a process group.

    It runs the console program, or the code or the module when there is one. Each stream is `subprocess.PIPE`,
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
        kind: Kind = "heavy",
        code: str | None = None,
        module: str | None = None,
        text: bool = True,
    ) -> None:
        self.args, self.kind = arguments, kind
        self.pid: int = 0
        self.returncode: int | None = None
        job = {"argv": arguments, "cwd": str(cwd), "env": dict(env), "code": code, "module": module}
        light = None if kind == "light" or not is_there("light") else warm("light")
        with contextlib.ExitStack() as theirs:
            streams = [_stream(given, own, text, theirs) for own, given in enumerate((stdin, stdout, stderr))]
            self._line = warm(kind).ask(job, [descriptor for descriptor, _ in streams], light=light)
        self.stdin, self.stdout, self.stderr = (ours for _, ours in streams)
        # It stays open as long as we are there: more than one thread may wait for what it says.
        weakref.finalize(self, self._line.close)
        self._one_at_a_time = threading.Lock()
        self._said = b""
        while not self.pid:
            self._hear(None)

    def poll(self) -> int | None:
        """How it ended, as with `subprocess`; None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises subprocess.TimeoutExpired."""
        until = None if timeout is None else time.monotonic() + timeout
        while self.returncode is None:
            if not self._hear(None if until is None else max(0.0, until - time.monotonic())):
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
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
            with contextlib.suppress(ProcessLookupError):  # it has ended since, and its parent knows
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

    def _hear(self, timeout: float | None) -> bool:
        """Take in what the warm process says next about it; False where that is nothing for so long."""
        waiting = select.poll()
        waiting.register(self._line, select.POLLIN)
        if not waiting.poll(None if timeout is None else 1000 * timeout):
            return False
        with self._one_at_a_time:
            if self.returncode is not None:  # another thread has heard it
                return True
            with contextlib.suppress(BlockingIOError):
                more = self._line.recv(1000, socket.MSG_DONTWAIT)
                if not more:
                    raise RuntimeError("the warm process is gone")
                *lines, self._said = (self._said + more).split(b"\n")
                for line in lines:
                    told = json.loads(line)
                    self.pid, self.returncode = told.get("pid", self.pid), told.get("code")
        return True


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

    `site` is a folder for PYTHONPATH. A fork of a warm process, unless `cold`, or unless something is there that a
    starting Python or torch would look at: then a process from the very beginning.
    """
    environment = {**os.environ, **{k: v for k, v in (env or {}).items() if v is not None}}
    for name in [name for name, value in (env or {}).items() if value is None]:
        environment.pop(name, None)
    if site is not None and site.exists():
        parts = [str(site), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(part for part in parts if part)
    command = [str(PROGRAM), *map(str, arguments)]
    if cold or must_be_cold(environment, kind_of(command)):
        return subprocess.Popen(command, cwd=cwd, env=environment, text=True, encoding="utf-8", **streams)
    return WarmProcess(command, cwd=cwd, env=environment, kind=kind_of(command), **streams)


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


def is_there(kind: Kind) -> bool:
    """Whether there is a warm process of this kind, or there can be one: a fork starts none."""
    return hasattr(os, "pidfd_open") and (kind in _known or not _forked)


def own_limits() -> list[list[int]]:
    """What this process may use of each resource."""
    return [list(resource.getrlimit(value)) for name, value in vars(resource).items() if name.startswith("RLIMIT_")]


def must_be_cold(environment: Mapping[str, str], kind: Kind = "heavy") -> bool:
    """Whether something is there that a starting Python, or a package when it is imported, would look at."""
    if not is_there(kind):
        return True
    known = {**warm(kind).environment, "PYTHONPATH": environment.get("PYTHONPATH")}
    changed = {name for name in {*known, *environment} if known.get(name) != environment.get(name)}
    if any(name.startswith(FROM_THE_START) and (name, environment.get(name)) != NO_WARNINGS for name in changed):
        return True
    if own_limits() != warm(kind).limits:  # which a child inherits
        return True
    folders = [Path(part) for part in environment.get("PYTHONPATH", "").split(os.pathsep) if part]
    names = {path.stem for folder in folders if folder.is_dir() for path in folder.iterdir()}
    return not names.isdisjoint({"sitecustomize", "usercustomize", *warm(kind).loaded})


WARM_CHILDREN: Mapping[str, Kind] = {
    "zoo_core.checks.watched_child:main": "heavy",
    "zoo_core.checks.doctor.doctor_child:main": "heavy",
    "zoo_core.checks.candidates.trainer_candidate:train_until_stopped": "heavy",
    "zoo_core.workflows.catalogue.counting_child:main": "heavy",
    "zoo_core.discovery.cold_child:main": "light",
    "zoo_core.discovery.cold_child:apart": "light",
    "zoo_core.checks.apart.dataset_child:fingerprint": "light",
    "zoo_core.checks.apart.dataset_child:load_offline": "light",
    "zoo_core.checks.apart.recipe_child:made_by": "light",
    "zoo_core.checks.apart.task_child:torch_reached_by": "light",
}
"""Those of the zoo's own children that load such libraries as a matter of course, or look only for others.

Those that look at each import start cold.
"""
APART = "zoo_core.checks.apart.own_process:answer"
WARM_MODULES: Mapping[str, Kind] = {
    "zoo_core.verification.subject.subject_child": "light",
    "zoo_core.runtime.running.isolated_child": "light",
}
"""The same of those that are started with `python -P -m`."""


_children_cold = False


@contextlib.contextmanager
def children_cold() -> Iterator[None]:
    """In the block, children of this process begin at the very beginning, for who looks at the processes themselves."""
    global _children_cold
    _children_cold = True
    try:
        yield
    finally:
        _children_cold = False


def start_children_warm() -> None:
    """From now on, in this process, those children are forks of a warm process too, where that is the same."""
    from zoo_core.children import parent  # not for the warm process itself, which has no module of the zoo

    started = parent.Child.__init__

    def start(self: Any, call: str, task: Any, **more: Any) -> None:
        environment = {**os.environ, **(more.get("environment") or {})}
        # What does one function apart is as heavy as that function.
        kind = None if _children_cold else WARM_CHILDREN.get(task["call"] if call == APART else call)
        if kind is not None and not must_be_cold(environment, kind):
            parent.subprocess = _Warmly(kind)
        try:
            started(self, call, task, **more)
        finally:
            parent.subprocess = subprocess

    parent.Child.__init__ = start
    subprocess.Popen = _Popen


class _Warmly:
    """What `parent.py` needs of the module `subprocess`."""

    PIPE, TimeoutExpired = subprocess.PIPE, subprocess.TimeoutExpired

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    def Popen(self, command: list[str], *, start_new_session: bool, **more: Any) -> WarmProcess:
        return WarmProcess(["-c"], cwd=Path.cwd(), kind=self._kind, code=command[-1], text=False, **more)


class _Popen(subprocess.Popen):
    """Those modules run in a fork of a warm process; everything else is as it was."""

    def __new__(cls, *given: Any, **more: Any) -> Any:
        command = given[0] if given else None
        if cls is _Popen and isinstance(command, list) and command[:3] == [sys.executable, "-P", "-m"]:
            kind = None if _children_cold else WARM_MODULES.get(command[3])
            if kind is not None and not must_be_cold(more["env"], kind):
                streams = {name: more.get(name) for name in ("stdin", "stdout", "stderr", "env")}
                text = "encoding" in more
                return WarmProcess(command[2:], cwd=Path.cwd(), kind=kind, module=command[3], text=text, **streams)
        return super().__new__(cls)
